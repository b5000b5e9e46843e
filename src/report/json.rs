//! The envelope of design.md: `sockdoctor/v1`. Its own types, so that a change inside changes nothing outside.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::style::escape;
use crate::model::{self, Address, Case, Data, Liveness, Report, Role, Severity};

/// The JSON Schema that `sockdoctor schema` prints.
pub const SCHEMA: &str = include_str!("schema.json");

/// Writes the one document.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Envelope::of(report))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Envelope<'r> {
    schema: &'static str,
    tool: Tool,
    command: &'r str,
    host: Host<'r>,
    started_at: String,
    duration_s: f64,
    verdict: &'static str,
    exit_code: u8,
    error: Option<Error<'r>>,
    summary: Summary,
    findings: Vec<Finding<'r>>,
    not_checked: Vec<NotChecked>,
    data: DataOut<'r>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Host<'r> {
    kernel: &'r str,
    netns: Option<u64>,
    mntns: Option<u64>,
    uid: u32,
}

#[derive(Serialize)]
struct Error<'r> {
    message: String,
    hint: Option<&'r str>,
}

#[derive(Serialize)]
struct Summary {
    error: usize,
    warning: usize,
    info: usize,
    suppressed: usize,
    checks: usize,
    not_checked: usize,
    subjects: usize,
}

#[derive(Serialize)]
struct Finding<'r> {
    code: &'r str,
    name: &'r str,
    severity: &'static str,
    certainty: &'static str,
    subject: Subject,
    summary: String,
    evidence: Vec<Evidence>,
    cause: Option<String>,
    fix: Vec<Fix<'r>>,
    locations: Vec<Location>,
}

#[derive(Serialize)]
struct Subject {
    kind: &'static str,
    #[serde(flatten)]
    name: Name,
}

/// Bytes as a string, with the exact bytes beside it when the string could not hold them.
#[derive(Serialize)]
struct Name {
    name: String,
    name_b64: Option<String>,
}

#[derive(Serialize)]
struct Evidence {
    source: String,
    detail: String,
}

#[derive(Serialize)]
struct Fix<'r> {
    text: &'r str,
    command: Option<String>,
    changes_state: bool,
}

#[derive(Serialize)]
struct Location {
    file: String,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct NotChecked {
    code: Option<&'static str>,
    reason: String,
    would_help: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum DataOut<'r> {
    Nothing {},
    Targets { targets: Vec<Target<'r>> },
    Sockets { sockets: Rows<'r> },
    Demo { demo: Demo, recognised: bool, targets: Vec<Target<'r>> },
    Demos { demos: Vec<Demo> },
}

#[derive(Serialize)]
struct Demo {
    name: &'static str,
    code: &'static str,
    builds: &'static str,
}

#[derive(Serialize)]
struct Target<'r> {
    #[serde(rename = "target")]
    label: String,
    #[serde(rename = "target_b64")]
    label_b64: Option<String>,
    verdict: &'static str,
    file: Option<File>,
    mount: Option<Mount<'r>>,
    liveness: Option<&'static str>,
    sockets: Vec<Socket<'r>>,
    socket: Option<Socket<'r>>,
    queue: Option<Queue>,
    holders: Vec<Holder<'r>>,
}

#[derive(Serialize)]
struct File {
    state: Option<&'static str>,
    path: String,
    path_b64: Option<String>,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    mode: Option<String>,
    uid: Option<u32>,
    gid: Option<u32>,
    inode: Option<u64>,
    links: Option<u32>,
    errno: Option<String>,
}

#[derive(Serialize)]
struct Mount<'r> {
    point: String,
    fstype: &'r str,
    source: String,
    root: String,
    device: String,
    options: &'r str,
    read_only: bool,
    class: &'static str,
}

#[derive(Serialize)]
struct Socket<'r> {
    inode: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    state: &'static str,
    name: Option<String>,
    name_b64: Option<String>,
    #[serde(rename = "abstract")]
    is_abstract: bool,
    vfs: Option<Vfs>,
    queue: Option<Queue>,
    holders: Option<Vec<Holder<'r>>>,
    netns: u64,
    netns_name: Option<&'r str>,
    role: Option<&'static str>,
    peer: Option<u32>,
    uid: Option<u32>,
    shutdown: u8,
    memory: Option<Memory>,
}

#[derive(Serialize)]
struct Vfs {
    dev: String,
    ino: u32,
}

#[derive(Serialize)]
struct Queue {
    waiting: u32,
    backlog: u32,
}

#[derive(Serialize)]
struct Memory {
    receive_alloc: u32,
    receive_limit: u32,
    send_alloc: u32,
    send_limit: u32,
    drops: u32,
}

#[derive(Serialize)]
struct Holder<'r> {
    pid: u32,
    fd: u32,
    command: String,
    uid: u32,
    user: Option<&'r str>,
    parent: u32,
    unit: Option<&'r str>,
    container: Option<&'r str>,
    mntns: Option<u64>,
}

#[derive(Serialize)]
struct Listed<'r> {
    #[serde(flatten)]
    socket: Socket<'r>,
    #[serde(flatten)]
    common: ListedCommon<'r>,
}

/// A file without a socket: the same fields, unknown.
#[derive(Serialize)]
struct ListedFileOnly<'r> {
    inode: Option<u32>,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    state: Option<&'static str>,
    #[serde(flatten)]
    name: Name,
    vfs: Option<Vfs>,
    queue: Option<Queue>,
    holders: Vec<Holder<'r>>,
    netns: Option<u64>,
    role: Option<&'static str>,
    #[serde(flatten)]
    common: ListedCommon<'r>,
}

#[derive(Serialize)]
struct ListedCommon<'r> {
    file: Option<ListedFile<'r>>,
    verdict: &'static str,
    codes: &'r [&'static str],
}

#[derive(Serialize)]
struct ListedFile<'r> {
    state: &'static str,
    mode: Option<String>,
    uid: Option<u32>,
    gid: Option<u32>,
    owner: Option<&'r str>,
    group: Option<&'r str>,
}

/// Rows are made one at a time: a host with 20,000 sockets costs one row of memory.
struct Rows<'r>(&'r [model::ListedSocket]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.len()))?;
        for row in self.0 {
            let common = ListedCommon::of(row);
            match &row.socket {
                Some(socket) => {
                    let holders = row.holders.as_deref();
                    let socket = Socket::of(socket, holders, row.netns_label.as_deref(), row.role);
                    rows.serialize_element(&Listed { socket, common })?;
                }
                None => rows.serialize_element(&ListedFileOnly {
                    inode: None,
                    kind: None,
                    state: None,
                    name: Name::of(&row.name),
                    vfs: None,
                    queue: None,
                    holders: Vec::new(),
                    netns: None,
                    role: None,
                    common,
                })?,
            }
        }
        rows.end()
    }
}

impl<'r> ListedCommon<'r> {
    fn of(row: &'r model::ListedSocket) -> Self {
        let file = row.file.as_ref().map(|file| {
            let (owner, group) =
                file.owner.as_ref().map_or((None, None), |(owner, group)| (Some(owner), Some(group)));
            ListedFile {
                state: file.state.word(),
                mode: file.mode.map(mode),
                uid: owner.map(|owner| owner.id),
                gid: group.map(|group| group.id),
                owner: owner.and_then(id_name),
                group: group.and_then(id_name),
            }
        });
        Self { file, verdict: row.verdict.word(), codes: &row.codes }
    }
}

impl<'r> Envelope<'r> {
    fn of(report: &'r Report) -> Self {
        let count = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            schema: "sockdoctor/v1",
            tool: Tool { name: "sockdoctor", version: env!("CARGO_PKG_VERSION") },
            command: report.command,
            host: Host {
                kernel: &report.host.kernel,
                netns: report.host.netns,
                mntns: report.host.mntns,
                uid: report.host.uid,
            },
            started_at: rfc3339(report.started),
            duration_s: report.duration.as_secs_f64(),
            verdict: report.verdict.word(),
            exit_code: report.exit_code,
            error: report
                .failure
                .as_ref()
                .map(|failure| Error { message: failure.message.clone(), hint: failure.hint.as_deref() }),
            summary: Summary {
                error: count(Severity::Error),
                warning: count(Severity::Warning),
                info: count(Severity::Info),
                suppressed: report.suppressed,
                checks: report.checks,
                not_checked: report.not_checked.len(),
                subjects: report.subjects,
            },
            findings: report.findings.iter().map(Finding::of).collect(),
            not_checked: report
                .not_checked
                .iter()
                .map(|not_checked| NotChecked {
                    code: not_checked.code,
                    reason: format!("{}: {}", not_checked.gap.source, not_checked.gap.why),
                    would_help: not_checked.gap.would_help.clone(),
                })
                .collect(),
            data: DataOut::of(&report.data),
        }
    }
}

impl<'r> Finding<'r> {
    fn of(finding: &'r model::Finding) -> Self {
        Self {
            code: finding.code,
            name: finding.name,
            severity: finding.severity.word(),
            certainty: finding.certainty.word(),
            subject: Subject { kind: finding.subject.kind.word(), name: Name::of(&finding.subject.name) },
            summary: finding.summary.clone(),
            evidence: finding
                .evidence
                .iter()
                .map(|evidence| Evidence {
                    source: evidence.source.clone(),
                    detail: escape(&evidence.detail),
                })
                .collect(),
            cause: finding.cause.clone(),
            fix: finding
                .fixes
                .iter()
                .map(|fix| Fix {
                    text: &fix.text,
                    command: fix.command.as_deref().map(escape),
                    changes_state: fix.changes_state,
                })
                .collect(),
            locations: finding
                .locations
                .iter()
                .map(|place| Location { file: escape(&place.file), line: place.line, column: place.column })
                .collect(),
        }
    }
}

impl<'r> DataOut<'r> {
    fn of(data: &'r Data) -> Self {
        match data {
            Data::None => Self::Nothing {},
            Data::Inspect(targets) => Self::Targets { targets: targets.iter().map(Target::of).collect() },
            Data::List { sockets, .. } => Self::Sockets { sockets: Rows(sockets) },
            Data::Demo { demo, recognised, inspected } => Self::Demo {
                demo: Demo::of(demo),
                recognised: *recognised,
                targets: inspected.iter().map(Target::of).collect(),
            },
            Data::Demos(demos) => Self::Demos { demos: demos.iter().map(Demo::of).collect() },
        }
    }
}

impl Demo {
    const fn of(demo: &model::DemoEntry) -> Self {
        Self { name: demo.name, code: demo.code, builds: demo.builds }
    }
}

impl<'r> Target<'r> {
    fn of(inspected: &'r model::InspectedTarget) -> Self {
        let case = &inspected.case;
        let Name { name: label, name_b64: label_b64 } = Name::of(&case.target.label());
        let sighted = |sighting: &'r model::Sighting| {
            let role = sighting.role().ok().flatten();
            let holders = sighting.holders.known().map(Vec::as_slice);
            Socket::of(&sighting.socket, holders, sighting.netns_label.as_deref(), role)
        };
        let server = case.server();
        Self {
            label,
            label_b64,
            verdict: inspected.verdict.word(),
            file: File::of(case),
            mount: case
                .file()
                .ok()
                .flatten()
                .and_then(|file| file.mount.as_deref().map(|mount| Mount::of(mount, file.class))),
            liveness: case.liveness.known().map(|liveness| match liveness {
                Liveness::Bound => "bound",
                Liveness::Refused { .. } => "refused",
                Liveness::Denied => "denied",
                Liveness::Failed(_) => "failed",
            }),
            sockets: case.sockets.items.iter().map(sighted).collect(),
            socket: server.map(sighted),
            queue: server.and_then(|server| server.socket.queue()).map(Queue::of),
            holders: server
                .and_then(|server| server.holders.known())
                .map(|holders| Holder::all(holders))
                .unwrap_or_default(),
        }
    }
}

impl File {
    fn of(case: &Case) -> Option<Self> {
        let state = case.file_state()?;
        let file = case.file().ok().flatten();
        let walk = case.walk.known();
        let place = walk.map_or_else(|| case.path.clone(), model::Walk::destination);
        let Name { name: path, name_b64: path_b64 } = Name::of(&place);
        Some(Self {
            state: Some(state.word()),
            path,
            path_b64,
            kind: file.map(|file| file.kind.word()),
            mode: file.map(|file| mode(file.mode)),
            uid: file.map(|file| file.uid),
            gid: file.map(|file| file.gid),
            inode: file.map(|file| file.ino),
            links: file.map(|file| file.nlink),
            errno: walk.and_then(model::Walk::errno).map(errno_name),
        })
    }
}

impl<'r> Mount<'r> {
    fn of(mount: &'r model::Mount, class: model::MountClass) -> Self {
        Self {
            point: escape(&mount.point),
            fstype: &mount.fstype,
            source: escape(&mount.source),
            root: escape(&mount.root),
            device: mount.device.to_string(),
            options: &mount.options,
            read_only: mount.read_only(),
            class: class.word(),
        }
    }
}

impl<'r> Socket<'r> {
    fn of(
        socket: &'r model::Socket,
        holders: Option<&'r [model::Holder]>,
        netns: Option<&'r str>,
        role: Option<Role>,
    ) -> Self {
        let name = match &socket.address {
            Address::Unnamed => None,
            named => Some(Name::of(named.bytes())),
        };
        let (name, name_b64) = name.map_or((None, None), |name| (Some(name.name), name.name_b64));
        Self {
            inode: socket.ino.0,
            kind: socket.kind.word(),
            state: socket.state.word(),
            name,
            name_b64,
            is_abstract: matches!(socket.address, Address::Abstract(_)),
            vfs: socket.file.map(|file| Vfs { dev: file.dev.to_string(), ino: file.ino.0 }),
            queue: socket.queue().map(Queue::of),
            holders: holders.map(Holder::all),
            netns: socket.netns.0,
            netns_name: netns,
            role: role.map(Role::word),
            peer: socket.peer.map(|peer| peer.0),
            uid: socket.uid,
            shutdown: socket.shutdown,
            memory: socket.memory.map(|memory| Memory {
                receive_alloc: memory.receive_alloc,
                receive_limit: memory.receive_limit,
                send_alloc: memory.send_alloc,
                send_limit: memory.send_limit,
                drops: memory.drops,
            }),
        }
    }
}

impl Queue {
    const fn of(queue: model::Queue) -> Self {
        Self { waiting: queue.waiting, backlog: queue.backlog }
    }
}

impl<'r> Holder<'r> {
    fn all(holders: &'r [model::Holder]) -> Vec<Self> {
        holders
            .iter()
            .map(|holder| Self {
                pid: holder.process.pid,
                fd: holder.fd,
                command: escape(&holder.process.command),
                uid: holder.process.user.id,
                user: id_name(&holder.process.user),
                parent: holder.process.parent,
                unit: holder.process.unit.as_deref(),
                container: holder.process.container.as_deref(),
                mntns: holder.process.mount_namespace,
            })
            .collect()
    }
}

impl Name {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { name: text.to_owned(), name_b64: None },
            Err(_) => Self {
                name: String::from_utf8_lossy(bytes).into_owned(),
                name_b64: Some(STANDARD.encode(bytes)),
            },
        }
    }
}

fn id_name(id: &model::IdName) -> Option<&str> {
    id.name.as_ref().map(|(name, _)| name.as_str())
}

fn mode(mode: u32) -> String {
    format!("{:04o}", mode & 0o7777)
}

/// `ENOENT`, from errno(3).
fn errno_name(errno: i32) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno))
}

/// UTC, to the millisecond.
fn rfc3339(time: std::time::SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_utf8_comes_with_its_exact_bytes() {
        let name = Name::of(b"/tmp/\xff\n");
        assert_eq!(name.name_b64.as_deref(), Some("L3RtcC//Cg=="));
        assert_eq!(Name::of("/tmp/é\n\0".as_bytes()).name_b64, None);
    }

    #[test]
    fn the_schema_is_json() {
        assert!(serde_json::from_str::<serde_json::Value>(SCHEMA).is_ok());
    }

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(rfc3339(std::time::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
