//! `/proc/net/unix` as a second source: names, types and states, where the kernel's own answer cannot be had
//! (`unix_seq_show`, `net/unix/af_unix.c`).
//!
//! The text is ambiguous, and two things cannot be told from it. NULs in abstract names are printed as `@`, so a
//! name that begins with `@` is taken to be abstract: a relative path `@x` is rare. And names are printed raw,
//! so one with a newline spans lines: whatever does not begin like a row belongs to the name before it, and a
//! name that imitates a row is taken for one.

use std::ops::Range;
use std::path::Path;

use super::errno::words;
use super::sockets::Ask;
use crate::model::{Address, Gap, NetnsId, Seen, Socket, SocketIno, SocketState, SocketType};

/// `__SO_ACCEPTCON` (linux/net.h).
const LISTENS: u32 = 0x1_0000;
/// `SS_CONNECTED` (linux/net.h).
const CONNECTED: u32 = 3;
/// `sun_path` (unix(7)).
const LONGEST_NAME: usize = 108;

/// The rows of a socket table.
pub(super) fn read(path: &Path, ask: Ask, netns: NetnsId) -> Result<Seen<Vec<Socket>>, Gap> {
    let source = path.display().to_string();
    let text = std::fs::read(path).map_err(|error| Gap::new(&source, words(error)))?;
    let (mut items, unreadable) = parse(&text, netns);
    if ask.owners_only {
        items.retain(Socket::owns_name);
    }
    let gaps = match unreadable {
        0 => Vec::new(),
        lines => vec![Gap::new(source, format!("{lines} lines in a form not understood"))],
    };
    Ok(Seen { items, gaps })
}

/// The sockets of a table, and how many lines made no sense.
pub(super) fn parse(text: &[u8], netns: NetnsId) -> (Vec<Socket>, usize) {
    let mut rows: Vec<Row> = Vec::new();
    let mut unreadable = 0;
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut start = 0;
    for line in text.split(|byte| *byte == b'\n') {
        let range = start..start + line.len();
        start = range.end + 1;
        if let Some(row) = Row::parse(line) {
            rows.push(Row { name: row.name.map(|name| range.start + name.start..range.end), ..row });
        } else if let Some(name) = rows.last_mut().and_then(|row| row.name_up_to(range.end)) {
            name.end = range.end;
        } else if range.start != 0 || !line.starts_with(b"Num ") {
            unreadable += usize::from(!text.is_empty());
        }
    }
    (rows.into_iter().filter_map(|row| row.socket(text, netns)).collect(), unreadable)
}

/// The fixed fields of a row, and where in the text its name stands.
struct Row {
    flags: u32,
    kind: SocketType,
    state: u32,
    ino: u32,
    name: Option<Range<usize>>,
}

impl Row {
    /// `%pK: %08X %08X %08X %04X %02X %5lu`, then a blank and the name where there is one.
    fn parse(line: &[u8]) -> Option<Self> {
        let colon =
            line.iter().take(17).position(|byte| *byte == b':').filter(|digits| matches!(digits, 8 | 16))?;
        hexadecimal(&line[colon - 8..colon])?;
        let fields = line[colon..].strip_prefix(b": ")?;
        let field = |from: usize, to: usize| hexadecimal(fields.get(from..to)?);
        let (_references, _protocol) = (field(0, 8)?, field(9, 17)?);
        let (flags, kind, state) = (field(18, 26)?, field(27, 31)?, field(32, 34)?);
        let rest = fields.get(35..)?;
        let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
        let digits = rest[blanks..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let after = blanks + digits;
        let ino = std::str::from_utf8(&rest[blanks..after]).ok()?.parse().ok()?;
        let name = match rest[after..] {
            [] => None,
            [b' ', ..] => Some(line.len() - rest.len() + after + 1..line.len()),
            _ => return None,
        };
        Some(Self { flags, kind: socket_type(kind)?, state, ino, name })
    }

    /// The name, if there is one and it can be long enough to reach that far.
    fn name_up_to(&mut self, end: usize) -> Option<&mut Range<usize>> {
        self.name.as_mut().filter(|name| end - name.start <= LONGEST_NAME)
    }

    /// Nothing for inode 0: a connection nobody has accepted yet, under its listener's name.
    fn socket(self, text: &[u8], netns: NetnsId) -> Option<Socket> {
        let address = match self.name.and_then(|name| text.get(name)) {
            None => Address::Unnamed,
            Some([b'@', name @ ..]) => Address::Abstract(name.into()),
            Some(path) => Address::Path(path.into()),
        };
        let state = match (self.flags & LISTENS, self.state, &address) {
            (LISTENS, ..) => SocketState::Listening,
            (_, CONNECTED, _) => SocketState::Connected,
            (.., Address::Unnamed) => SocketState::Unconnected,
            _ => SocketState::Bound,
        };
        (self.ino != 0).then_some(Socket {
            ino: SocketIno(self.ino),
            cookie: 0,
            kind: self.kind,
            state,
            address,
            file: None,
            peer: None,
            rqlen: None,
            uid: None,
            shutdown: 0,
            memory: None,
            netns,
        })
    }
}

const fn socket_type(kind: u32) -> Option<SocketType> {
    match kind {
        1 => Some(SocketType::Stream),
        2 => Some(SocketType::Dgram),
        5 => Some(SocketType::Seqpacket),
        _ => None,
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    u32::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sockets of `fixtures/netlink/hostile-names.bin`, as the same kernel prints them.
    const HOSTILE: &[u8] = include_bytes!("../../fixtures/netlink/proc-net-unix.txt");
    const HERE: NetnsId = NetnsId(1);

    fn state_of(rows: &[Socket], path: &[u8]) -> Option<SocketState> {
        rows.iter().find(|row| row.address.path() == Some(path)).map(|row| row.state)
    }

    #[test]
    fn a_captured_table_with_hostile_names() {
        let (rows, unreadable) = parse(HOSTILE, HERE);
        assert_eq!(unreadable, 0);
        let long = [b'p'; 108];
        for path in
            [&b"new\nline"[..], b"esc\x1b[31m", b"\xff\xfe", b"rel (deleted)", b"busy", b"shut", &long]
        {
            assert_eq!(state_of(&rows, path), Some(SocketState::Listening), "{path:?}");
        }
        assert_eq!(state_of(&rows, b"bound"), Some(SocketState::Bound));
        assert_eq!(state_of(&rows, b"dgram-connected"), Some(SocketState::Connected));
        assert_eq!(state_of(&rows, b"@at"), None, "shown like the abstract name");
        let abstract_names = rows.iter().filter(|row| matches!(row.address, Address::Abstract(_))).count();
        assert_eq!(abstract_names, 6);
        assert!(rows.iter().all(|row| row.ino.0 != 0 && row.netns == HERE));
    }

    #[test]
    fn a_name_may_begin_and_end_with_a_newline() {
        let row = b"0000000000000000: 00000002 00000000 00010000 0001 01 12345 ";
        let table = [
            &b"Num       RefCount Protocol Flags    Type St Inode Path\n"[..],
            row,
            b"\na\n\n",
            row,
            b"/b\n",
        ];
        let (rows, unreadable) = parse(&table.concat(), HERE);
        let names: Vec<_> = rows.iter().map(|row| row.address.bytes()).collect();
        assert_eq!((names, unreadable), (vec![&b"\na\n"[..], b"/b"], 0));
    }

    #[test]
    fn what_cannot_be_part_of_a_name_is_counted() {
        let nameless = b"00000000: 00000002 00000000 00000000 0002 01     7\nnot a row\n";
        let (rows, unreadable) = parse(nameless, HERE);
        assert_eq!((rows.len(), unreadable), (1, 1));
        assert_eq!((rows[0].kind, rows[0].state), (SocketType::Dgram, SocketState::Unconnected));
        let long = [&nameless[..50], b" /a\n", &[b'x'; 200], b"\n"].concat();
        assert_eq!(parse(&long, HERE).1, 1);
        assert_eq!(parse(b"", HERE), (vec![], 0));
    }

    #[test]
    fn a_table_with_nonsense_comes_with_a_gap_and_a_missing_one_is_a_gap() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"nonsense\n").unwrap();
        let ask = Ask::default();
        assert_eq!(read(file.path(), ask, HERE).unwrap().gaps.len(), 1);
        let gap = read(Path::new("/nonexistent"), ask, HERE).unwrap_err();
        assert_eq!((gap.source.as_str(), gap.why.as_str()), ("/nonexistent", "No such file or directory"));
    }

    #[test]
    fn the_running_kernels_own_table_is_understood() {
        let seen = read(Path::new("/proc/net/unix"), Ask { owners_only: true, memory: false }, HERE).unwrap();
        assert_eq!(seen.gaps, []);
        assert!(seen.items.iter().all(Socket::owns_name));
    }

    proptest! {
        #[test]
        fn flipped_bits_never_panic(flips in prop::collection::vec((0..HOSTILE.len(), 0..8_u32), 1..32)) {
            let mut bytes = HOSTILE.to_vec();
            for (index, bit) in flips {
                bytes[index] ^= 1 << bit;
            }
            let (rows, unreadable) = parse(&bytes, HERE);
            prop_assert!(rows.len() + unreadable <= bytes.split(|byte| *byte == b'\n').count());
        }

        #[test]
        fn cut_anywhere_never_panics(end in 0..HOSTILE.len()) {
            parse(&HOSTILE[..end], HERE);
        }
    }
}
