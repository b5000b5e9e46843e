//! `list`: one row a bound socket, each with its verdict.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{Glob, GlobMatcher};

use super::{Answer, Context, Refusal, overall};
use crate::cli::ListArgs;
use crate::facts::examine::Examiner;
use crate::facts::holders::{self, Holders};
use crate::facts::process;
use crate::facts::sockets::{self, Ask, Sockets};
use crate::model::{
    Address, Case, Data, Gap, IdName, ListedFile, ListedSocket, Liveness, NotChecked, Overall, Sighting,
    Socket, SocketField, SocketIno, Target,
};
use crate::rules::{self, Judgement};

const COLUMNS: [SocketField; 9] = [
    SocketField::Verdict,
    SocketField::State,
    SocketField::Type,
    SocketField::Queue,
    SocketField::File,
    SocketField::Mode,
    SocketField::Owner,
    SocketField::Holders,
    SocketField::Name,
];

pub(super) fn run(context: &Context<'_>, args: &ListArgs) -> Result<Answer, Refusal> {
    let fields = columns(args);
    let pattern = args.matching.as_deref().map(pattern).transpose()?;
    let memory = fields.contains(&SocketField::Memory);
    let mut examiner = Examiner::new(context.machine, context.deadline, memory);
    let user = args.user.as_deref().map(|name| user(&mut examiner, name)).transpose()?;
    if let Some(pid) = args.pid.filter(|pid| !process::exists(context.machine, *pid)) {
        return Err(Refusal::open(format!("there is no process {pid}"), "`ps -e` lists those that are"));
    }
    let dump = sockets::all(context.machine, Ask { owners_only: !args.all, memory });
    let mut rows: Vec<usize> = (0..dump.rows.len())
        .filter(|number| wanted(&dump.rows[*number], args.all, pattern.as_ref()))
        .collect();
    let held = (!args.no_holders).then(|| {
        let inodes: HashSet<SocketIno> = rows.iter().map(|number| dump.rows[*number].ino).collect();
        holders::walk(context.machine, Some(&inodes))
    });
    if let Some(held) = &held {
        rows.retain(|number| held_by(&mut examiner, held, &dump.rows[*number], args.pid, user));
    }
    let mut sheet =
        Sheet { context, judgement: Judgement::default(), judged: HashSet::new(), rows: Vec::new() };
    examiner.survey(&dump, &rows, held.as_ref(), |number, case| sheet.add(&case, dump.rows.get(number)));
    if args.stale {
        sheet.add_unbound(&mut examiner, &dump, pattern.as_ref());
    }
    if sheet.rows.is_empty() && (pattern.is_some() || args.pid.is_some() || user.is_some()) {
        return Err(Refusal::open("no socket matches", "`sockdoctor list --all` shows every socket"));
    }
    sheet.note_gaps(&dump, held.as_ref().and_then(|held| held.gap(context.machine)));
    sheet.rows.sort_by_cached_key(|row| order(row, args.sort));
    for file in sheet.rows.iter_mut().filter_map(|row| row.file.as_mut()) {
        if let Some((owner, group)) = &mut file.owner {
            (*owner, *group) = (examiner.users.user(owner.id), examiner.users.group(group.id));
        }
    }
    let Sheet { judgement, rows: sockets, .. } = sheet;
    Ok(Answer { judgement, subjects: sockets.len(), data: Data::List { sockets, fields }, open: false })
}

struct Sheet<'r> {
    context: &'r Context<'r>,
    judgement: Judgement,
    /// Names whose findings are already counted: several sockets may share one.
    judged: HashSet<Vec<u8>>,
    rows: Vec<ListedSocket>,
}

impl Sheet<'_> {
    fn add(&mut self, case: &Case, socket: Option<&Socket>) {
        let judged = rules::judge(case, rules::ALL, |rule| self.context.chosen(rule));
        let sighting = socket.and_then(|socket| sighting_of(case, socket));
        let role = sighting.map(Sighting::role).transpose();
        let worst = judged.findings.iter().map(|finding| finding.severity).max();
        let unseen = role.is_err() || (socket.is_none() && judged.findings.is_empty());
        self.rows.push(ListedSocket {
            socket: socket.cloned(),
            holders: sighting.and_then(|sighting| sighting.holders.known().cloned()),
            name: socket.map_or_else(|| case.path.clone(), |socket| socket.address.bytes().to_vec()),
            file: file_of(case),
            verdict: overall(worst, unseen && !judged.broken),
            codes: judged.findings.iter().map(|finding| finding.code).collect(),
            role: role.ok().flatten().flatten().filter(|_| matches!(case.target, Target::Path(_))),
            netns_label: sighting.and_then(|sighting| sighting.netns_label.clone()),
        });
        if judged.findings.is_empty() || self.judged.insert(case.target.label()) {
            self.judgement.absorb(judged);
        }
    }

    /// Socket files nothing is bound to, as rows without a socket.
    fn add_unbound(&mut self, examiner: &mut Examiner<'_>, dump: &Sockets, pattern: Option<&GlobMatcher>) {
        let (files, gaps) = examiner.unbound_files(&dump.rows);
        let matching = |path: &Vec<u8>| pattern.is_none_or(|pattern| pattern.is_match(path_of(path)));
        let targets: Vec<Target> = files.into_iter().filter(matching).map(Target::Path).collect();
        for case in examiner.examine(&targets, b"/").into_iter().flatten() {
            // Bound by now, or replaced: no stale file.
            if case.serving().next().is_none() && case.liveness.known() != Some(&Liveness::Bound) {
                self.add(&case, None);
            }
        }
        self.judgement.not_checked.extend(gaps.into_iter().map(|gap| NotChecked { code: None, gap }));
    }

    fn note_gaps(&mut self, dump: &Sockets, hidden: Option<Gap>) {
        let holderless =
            |row: &ListedSocket| row.socket.is_some() && row.holders.as_ref().is_some_and(Vec::is_empty);
        let hidden = hidden.filter(|_| self.rows.iter().any(holderless));
        let gaps = dump.gaps.iter().cloned().chain(hidden);
        self.judgement.not_checked.extend(gaps.map(|gap| NotChecked { code: None, gap }));
    }
}

fn columns(args: &ListArgs) -> Vec<SocketField> {
    if !args.fields.is_empty() {
        return args.fields.clone();
    }
    COLUMNS.into_iter().filter(|field| !(args.no_holders && *field == SocketField::Holders)).collect()
}

fn pattern(glob: &str) -> Result<GlobMatcher, Refusal> {
    let compiled = Glob::new(glob).map(|glob| glob.compile_matcher());
    compiled.map_err(|error| {
        Refusal::usage(error.to_string(), "use a glob such as '*gunicorn*' or '/run/*.sock'")
    })
}

fn user(examiner: &mut Examiner<'_>, name: &str) -> Result<u32, Refusal> {
    match examiner.users.uid_of(name) {
        Ok(Some(uid)) => Ok(uid),
        Ok(None) => {
            Err(Refusal::usage(format!("there is no user {name}"), "give a name of /etc/passwd, or a number"))
        }
        Err(gap) => {
            Err(Refusal::open(format!("{}: {}", gap.source, gap.why), "give the user's number instead"))
        }
    }
}

fn wanted(row: &Socket, all: bool, pattern: Option<&GlobMatcher>) -> bool {
    (all || row.owns_name()) && pattern.is_none_or(|pattern| pattern.is_match(path_of(&shown_name(row))))
}

fn shown_name(row: &Socket) -> Vec<u8> {
    match &row.address {
        Address::Abstract(name) => [b"@", &name[..]].concat(),
        Address::Path(_) | Address::Unnamed => row.address.bytes().to_vec(),
    }
}

fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn held_by(
    examiner: &mut Examiner<'_>,
    held: &Holders,
    row: &Socket,
    pid: Option<u32>,
    user: Option<u32>,
) -> bool {
    if pid.is_none() && user.is_none() {
        return true;
    }
    examiner.remembered_holders(held, row).iter().any(|holder| {
        pid.is_none_or(|pid| holder.process.pid == pid)
            && user.is_none_or(|user| holder.process.user.id == user)
    })
}

fn sighting_of<'c>(case: &'c Case, socket: &Socket) -> Option<&'c Sighting> {
    case.sockets.items.iter().find(|sighting| sighting.socket.ino == socket.ino)
}

fn file_of(case: &Case) -> Option<ListedFile> {
    let state = case.file_state()?;
    let file = case.file().ok().flatten();
    let owner = file.map(|file| (IdName::unnamed(file.uid), IdName::unnamed(file.gid)));
    Some(ListedFile { state, mode: file.map(|file| file.mode), owner })
}

/// Worst first, then by name; or by the column asked for.
fn order(row: &ListedSocket, by: Option<SocketField>) -> (u64, Vec<u8>) {
    let socket = row.socket.as_ref();
    let text = |text: &str| (0, [text.as_bytes(), b" ", &row.name].concat());
    let number = |number: Option<u64>| (number.unwrap_or(u64::MAX), row.name.clone());
    match by {
        None | Some(SocketField::Verdict) => number(Some(match row.verdict {
            Overall::Error => 0,
            Overall::Warning => 1,
            Overall::Unknown => 2,
            Overall::Info => 3,
            Overall::Ok => 4,
        })),
        Some(SocketField::Queue) => {
            let waiting = socket.and_then(Socket::queue).map(|queue| u64::from(queue.waiting));
            number(waiting.map(|waiting| u64::MAX - 1 - waiting))
        }
        Some(SocketField::Inode) => number(socket.map(|socket| u64::from(socket.ino.0))),
        Some(SocketField::Peer) => {
            number(socket.and_then(|socket| socket.peer).map(|peer| u64::from(peer.0)))
        }
        Some(SocketField::Uid) => number(socket.and_then(|socket| socket.uid).map(u64::from)),
        Some(SocketField::Netns) => number(socket.map(|socket| socket.netns.0)),
        Some(SocketField::Mode) => number(row.file.as_ref().and_then(|file| file.mode).map(u64::from)),
        Some(SocketField::Memory) => {
            let memory = socket.and_then(|socket| socket.memory);
            number(
                memory.map(|memory| {
                    u64::MAX - 1 - u64::from(memory.receive_alloc) - u64::from(memory.send_alloc)
                }),
            )
        }
        Some(SocketField::Holders) => {
            number(row.holders.iter().flatten().next().map(|holder| u64::from(holder.process.pid)))
        }
        Some(SocketField::Unit) => {
            let unit = row.holders.iter().flatten().find_map(|holder| holder.process.unit.as_deref());
            text(unit.unwrap_or("\u{ff}"))
        }
        Some(SocketField::Owner) => number(
            row.file.as_ref().and_then(|file| file.owner.as_ref()).map(|(owner, _)| u64::from(owner.id)),
        ),
        Some(SocketField::State) => text(socket.map_or("", |socket| socket.state.word())),
        Some(SocketField::Type) => text(socket.map_or("", |socket| socket.kind.word())),
        Some(SocketField::File) => text(row.file.as_ref().map_or("", |file| file.state.word())),
        Some(SocketField::Name) => (0, row.name.clone()),
    }
}
