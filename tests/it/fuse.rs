//! A small FUSE server that misbehaves on demand: one flat directory in memory, enough for a server to keep its socket
//! and its lock file in.
//!
//! It speaks the protocol itself (linux/fuse.h, version 7.31): no libfuse, no fusermount, so it needs root.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How the server misbehaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not at all.
    None,
    /// Lookups are read and never answered, as by a server that waits for a network.
    HangLookup,
    /// Nothing is even read, as by a server that is stopped.
    Deaf,
    /// Each lookup answers a node never seen before: the socket bound is not the one connected to.
    NewNodeEachLookup,
    /// Inode numbers are this much higher than they would be, so more than 32 bits wide.
    InoOffset(u64),
    /// All files have one inode number, as what is bound through a 9p mount.
    OneIno,
    /// MKNOD of a socket answers this.
    Mknod(Errno),
    /// MKNOD of a socket makes a regular file.
    RegularNode,
    /// A new mode of a socket is refused with this, as by Apple's virtiofs.
    ChmodOfSocket(Errno),
    /// A new mode is accepted and not set.
    ChmodIgnored,
    /// Everything takes this many milliseconds.
    Slow(u64),
}

/// A mounted server. Dropped, it unmounts and closes the connection, which releases whoever hangs in it.
pub(crate) struct Fuse {
    dir: PathBuf,
    fault: Arc<Mutex<Fault>>,
    wake: Option<PipeWriter>,
    server: Option<JoinHandle<()>>,
}

impl Fuse {
    /// Mounts an empty directory over `dir`; mountinfo calls it `fuse.NAME`. `None`: no FUSE here.
    pub(crate) fn mount(dir: &Path, name: &str, fault: Fault) -> Option<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").ok()?;
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
            device.as_raw_fd()
        );
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some(name), dir, Some(format!("fuse.{name}").as_str()), flags, Some(options.as_str())).unwrap();
        let (woken, wake) = pipe().unwrap();
        let shared = Arc::new(Mutex::new(Fault::None));
        let mut tree = Tree::new(Arc::clone(&shared));
        let server = std::thread::spawn(move || serve(&device, woken, &mut tree));
        let fuse = Self { dir: dir.to_owned(), fault: shared, wake: Some(wake), server: Some(server) };
        // The kernel greets the server before all else; once that is answered it may misbehave.
        std::fs::symlink_metadata(dir).unwrap();
        fuse.set(fault);
        Some(fuse)
    }

    /// Misbehaves differently from the next request on.
    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
        self.wake.as_ref().unwrap().write_all(b"!").unwrap();
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        let unmounted = umount2(&self.dir, MntFlags::MNT_DETACH);
        // The thread ends, and with it the last descriptor of the connection: the kernel aborts what is pending.
        self.wake = None;
        let joined = self.server.take().unwrap().join();
        if !std::thread::panicking() {
            unmounted.unwrap();
            joined.unwrap();
        }
    }
}

/// Answers until the other end of `woken` is closed, or the file system is unmounted.
fn serve(mut device: &File, mut woken: PipeReader, tree: &mut Tree) {
    let mut request = vec![0; 1 << 17];
    loop {
        let deaf = *tree.fault.lock().unwrap() == Fault::Deaf;
        let mut events =
            [PollFd::new(woken.as_fd(), PollFlags::POLLIN), PollFd::new(device.as_fd(), PollFlags::POLLIN)];
        let watched = if deaf { 1 } else { 2 };
        poll(&mut events[..watched], PollTimeout::NONE).unwrap();
        let [control, asked] = events.map(|event| event.any() == Some(true));
        if control {
            if woken.read(&mut [0]).unwrap() == 0 {
                return;
            }
            continue;
        }
        if deaf || !asked {
            continue;
        }
        let length = match device.read(&mut request) {
            Ok(length) => length,
            // The caller gave up between the poll and the read.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Interrupted) => continue,
            Err(error) if error.raw_os_error() == Some(Errno::ENODEV as i32) => return,
            Err(error) => panic!("/dev/fuse: {error}"),
        };
        if let Some(reply) = tree.answer(&request[..length]) {
            match device.write_all(&reply) {
                // The caller was killed meanwhile and wants no answer.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                written => written.unwrap(),
            }
        }
    }
}

/// Node id of the directory.
const ROOT: u64 = 1;

/// What is known of a file; its node id is the key in [`Tree::nodes`].
#[derive(Clone, Copy)]
struct Node {
    mode: u32,
    uid: u32,
    gid: u32,
}

/// The file system: one directory, and what is in it.
struct Tree {
    fault: Arc<Mutex<Fault>>,
    nodes: BTreeMap<u64, Node>,
    names: BTreeMap<Vec<u8>, u64>,
    contents: BTreeMap<u64, Vec<u8>>,
}

/// The body of an answer, or the error it is.
type Answer = Result<Vec<u8>, Errno>;

impl Tree {
    fn new(fault: Arc<Mutex<Fault>>) -> Self {
        let root = Node { mode: 0o40_777, uid: 0, gid: 0 };
        Self {
            fault,
            nodes: BTreeMap::from([(ROOT, root)]),
            names: BTreeMap::new(),
            contents: BTreeMap::new(),
        }
    }

    /// The whole answer to a request (`fuse_in_header`, 40 bytes, then its body), unless it wants none.
    fn answer(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        let (header, body) = request.split_at(40);
        let (opcode, node) = (u32_at(header, 4), u64_at(header, 16));
        let (uid, gid) = (u32_at(header, 24), u32_at(header, 28));
        let fault = *self.fault.lock().unwrap();
        if let Fault::Slow(milliseconds) = fault {
            std::thread::sleep(Duration::from_millis(milliseconds));
        }
        let answer = match opcode {
            1 if fault == Fault::HangLookup => return None,
            1 => self.lookup(name(body), fault),
            2 | 36 | 42 => return None, // FORGET, INTERRUPT, BATCH_FORGET want no answer
            3 => self.attributes(node).map(|attributes| [vec![0; 16], attributes].concat()),
            4 => self.set_attributes(node, body, fault),
            8 => match (fault, u32_at(body, 0) >> 12 == 0o14) {
                (Fault::Mknod(errno), true) => Err(errno),
                (Fault::RegularNode, true) => {
                    self.make(name(&body[16..]), Node { mode: 0o100_644, uid, gid })
                }
                _ => self.make(name(&body[16..]), Node { mode: u32_at(body, 0), uid, gid }),
            },
            10 => self.names.remove(name(body)).map(|_| Vec::new()).ok_or(Errno::ENOENT),
            12 => self.rename(&body[8..]),
            13 => self.link(u64_at(body, 0), name(&body[8..])),
            15 => Ok(self.read(node, u64_at(body, 8), u32_at(body, 16))),
            16 => Ok(self.write(node, u64_at(body, 8), &body[40..])),
            17 => {
                Ok([[0; 40].as_slice(), &4096_u32.to_ne_bytes(), &255_u32.to_ne_bytes(), &[0; 32]].concat())
            }
            26 => Ok(init()),
            14 | 27 => Ok(vec![0; 16]), // OPEN, OPENDIR: no handle is needed
            28 => Ok(self.entries(u64_at(body, 8), u32_at(body, 16))),
            18 | 20 | 25 | 29 => Ok(Vec::new()), // RELEASE, FSYNC, FLUSH, RELEASEDIR
            _ => Err(Errno::ENOSYS),
        };
        let (error, body) = answer.map_or_else(|errno| (-(errno as i32), Vec::new()), |body| (0, body));
        let length = u32::try_from(16 + body.len()).unwrap();
        Some([&length.to_ne_bytes(), error.to_ne_bytes().as_slice(), &header[8..16], &body].concat())
    }

    fn lookup(&mut self, name: &[u8], fault: Fault) -> Answer {
        let mut id = *self.names.get(name).ok_or(Errno::ENOENT)?;
        if fault == Fault::NewNodeEachLookup {
            id = self.add(name, self.nodes[&id]);
        }
        self.entry(id)
    }

    fn make(&mut self, name: &[u8], node: Node) -> Answer {
        if self.names.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let id = self.add(name, node);
        self.entry(id)
    }

    /// A node under a number not used before. None is ever removed: the kernel may still know it.
    fn add(&mut self, name: &[u8], node: Node) -> u64 {
        let id = self.nodes.keys().next_back().unwrap() + 1;
        self.nodes.insert(id, node);
        self.names.insert(name.to_vec(), id);
        id
    }

    fn read(&self, id: u64, offset: u64, size: u32) -> Vec<u8> {
        let content = self.contents.get(&id).map_or(&[][..], Vec::as_slice);
        let rest = content.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        rest[..rest.len().min(size as usize)].to_vec()
    }

    fn write(&mut self, id: u64, offset: u64, data: &[u8]) -> Vec<u8> {
        let (content, offset) = (self.contents.entry(id).or_default(), usize::try_from(offset).unwrap());
        content.resize(content.len().max(offset + data.len()), 0);
        content[offset..offset + data.len()].copy_from_slice(data);
        [u32::try_from(data.len()).unwrap(), 0].map(u32::to_ne_bytes).concat()
    }

    fn link(&mut self, id: u64, name: &[u8]) -> Answer {
        self.names.insert(name.to_vec(), id);
        self.entry(id)
    }

    fn rename(&mut self, names: &[u8]) -> Answer {
        let old = name(names);
        let new = name(&names[old.len() + 1..]);
        let id = self.names.remove(old).ok_or(Errno::ENOENT)?;
        self.names.insert(new.to_vec(), id);
        Ok(Vec::new())
    }

    /// SETATTR: the bits of its first word say which of mode, uid and gid it sets. Sizes and times are ignored.
    fn set_attributes(&mut self, id: u64, body: &[u8], fault: Fault) -> Answer {
        let (sets_mode, is_socket) =
            (u32_at(body, 0) & 1 != 0, self.nodes.get(&id).is_some_and(|node| node.mode >> 12 == 0o14));
        match fault {
            Fault::ChmodOfSocket(errno) if sets_mode && is_socket => return Err(errno),
            Fault::ChmodIgnored if sets_mode => {
                return self.attributes(id).map(|attributes| [vec![0; 16], attributes].concat());
            }
            _ => {}
        }
        let node = self.nodes.get_mut(&id).ok_or(Errno::ENOENT)?;
        for (bit, field, offset) in [(1, &mut node.mode, 68), (2, &mut node.uid, 76), (4, &mut node.gid, 80)]
        {
            if u32_at(body, 0) & bit != 0 {
                *field = u32_at(body, offset);
            }
        }
        Ok([vec![0; 16], self.attributes(id)?].concat())
    }

    /// `fuse_entry_out`: valid for no time at all, so that every use of the name asks again.
    fn entry(&self, id: u64) -> Answer {
        Ok([id.to_ne_bytes().as_slice(), &[0; 32], &self.attributes(id)?].concat())
    }

    /// `fuse_attr`
    fn attributes(&self, id: u64) -> Answer {
        let Node { mode, uid, gid } = self.nodes.get(&id).ok_or(Errno::ENOENT)?;
        let numbers: Vec<u8> =
            [*mode, 1, *uid, *gid, 0, 4096, 0].iter().flat_map(|n| n.to_ne_bytes()).collect();
        let size = self.contents.get(&id).map_or(0, Vec::len) as u64;
        Ok([self.ino(id).to_ne_bytes().as_slice(), &size.to_ne_bytes(), &[0; 44], &numbers].concat())
    }

    fn ino(&self, id: u64) -> u64 {
        match *self.fault.lock().unwrap() {
            Fault::InoOffset(offset) => id + offset,
            Fault::OneIno if id != 1 => 7,
            _ => id,
        }
    }

    /// The directory's entries from the `skip`th on (`fuse_dirent`), as many as fit into `size` bytes.
    fn entries(&self, skip: u64, size: u32) -> Vec<u8> {
        let mut all = Vec::new();
        for (number, (name, id)) in (1_u64..).zip(&self.names).filter(|(number, _)| *number > skip) {
            let length = u32::try_from(name.len()).unwrap();
            let kind = self.nodes[id].mode >> 12;
            let mut entry = [self.ino(*id).to_ne_bytes(), number.to_ne_bytes()].concat();
            entry.extend([length.to_ne_bytes(), kind.to_ne_bytes()].concat());
            entry.extend(name);
            entry.resize(entry.len().next_multiple_of(8), 0);
            if all.len() + entry.len() > size as usize {
                break;
            }
            all.extend(entry);
        }
        all
    }
}

/// `fuse_init_out`: version 7.31, no optional features, writes of up to 64 KiB.
fn init() -> Vec<u8> {
    let mut body = [7_u32, 31, 0, 0, 0, 1 << 16, 1].map(u32::to_ne_bytes).concat();
    body.resize(64, 0);
    body
}

/// The name a body holds, up to its NUL.
fn name(body: &[u8]) -> &[u8] {
    body.split(|byte| *byte == 0).next().unwrap()
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_ne_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_ne_bytes(bytes[offset..offset + 8].try_into().unwrap())
}

mod tests {
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::Command;

    use nix::sys::signal::Signal;

    use super::*;
    use crate::process::Process;
    use crate::world::{World, isolated_root, skip};

    /// Runs a test with a server mounted and a listener in it, on the path that it gets.
    fn mounted(name: &str, fault: Fault, body: impl FnOnce(&World, Fuse, &Path)) {
        isolated_root(name, |world| {
            std::fs::create_dir(world.path("m")).unwrap();
            let Some(fuse) = Fuse::mount(&world.path("m"), "test", fault) else {
                return skip(name, "no /dev/fuse");
            };
            let socket = world.path("m/s");
            let _listener = UnixListener::bind(&socket).unwrap();
            body(world, fuse, &socket);
        });
    }

    #[test]
    fn a_socket_in_it_works() {
        mounted("fuse::tests::a_socket_in_it_works", Fault::None, |world, _fuse, socket| {
            assert!(std::fs::symlink_metadata(socket).unwrap().file_type().is_socket());
            UnixStream::connect(socket).unwrap();
            std::fs::set_permissions(socket, PermissionsExt::from_mode(0o640)).unwrap();
            assert_eq!(std::fs::symlink_metadata(socket).unwrap().mode(), 0o140_640);
            std::fs::rename(socket, world.path("m/t")).unwrap();
            UnixStream::connect(world.path("m/t")).unwrap();
            let entries = std::fs::read_dir(world.path("m")).unwrap();
            assert_eq!(entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(), ["t"]);
            assert_eq!(nix::sys::statvfs::statvfs(&world.path("m")).unwrap().name_max(), 255);
            std::fs::remove_file(world.path("m/t")).unwrap();
            assert_eq!(UnixStream::connect(world.path("m/t")).unwrap_err().kind(), ErrorKind::NotFound);
            let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
            assert!(mounts.contains(" - fuse.test test "), "{mounts}");
        });
    }

    #[test]
    fn a_new_node_each_lookup_hides_the_listener() {
        let name = "fuse::tests::a_new_node_each_lookup_hides_the_listener";
        mounted(name, Fault::NewNodeEachLookup, |_, _fuse, socket| {
            assert_eq!(UnixStream::connect(socket).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        });
    }

    #[test]
    fn inode_numbers_may_exceed_32_bits() {
        let name = "fuse::tests::inode_numbers_may_exceed_32_bits";
        mounted(name, Fault::InoOffset(1 << 33), |_, _fuse, socket| {
            assert_eq!(std::fs::symlink_metadata(socket).unwrap().ino(), (1 << 33) + 2);
            UnixStream::connect(socket).unwrap();
        });
    }

    /// Hangs a stat(1), kills it, and says whether that ended it; then ends the server, which always does.
    fn killed_in_stat(fuse: Fuse, fault: Fault, socket: &Path) -> bool {
        fuse.set(fault);
        let mut caller = Process::start(Command::new("stat").arg(socket));
        assert!(caller.ended(Duration::from_millis(200)).is_none(), "stat must hang");
        caller.signal(Signal::SIGKILL);
        let ended = caller.ended(Duration::from_secs(1)).is_some();
        drop(fuse);
        assert!(
            ended || caller.ended(Duration::from_secs(5)).is_some(),
            "the end of the server must release it"
        );
        ended
    }

    // The next two are why a look at a foreign mount is given up on, rather than ended and waited for.

    #[test]
    fn sigkill_ends_a_caller_whose_request_nobody_read() {
        let name = "fuse::tests::sigkill_ends_a_caller_whose_request_nobody_read";
        mounted(name, Fault::None, |_, fuse, socket| assert!(killed_in_stat(fuse, Fault::Deaf, socket)));
    }

    #[test]
    fn not_even_sigkill_ends_a_caller_whose_request_was_read() {
        let name = "fuse::tests::not_even_sigkill_ends_a_caller_whose_request_was_read";
        mounted(name, Fault::None, |_, fuse, socket| {
            assert!(!killed_in_stat(fuse, Fault::HangLookup, socket));
        });
    }
}
