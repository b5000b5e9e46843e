//! `list`: one row a bound socket, each with its verdict.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use globset::{Glob, GlobMatcher};

use super::{Answer, Context, Refusal, overall};
use crate::cli::ListArgs;
use crate::facts::examine::Examiner;
use crate::facts::holders::{self, Holders};
use crate::facts::process;
use crate::facts::sockets::{self, Ask, Sockets};
use crate::model::{
    Address, Case, Data, Fact, Gap, IdName, ListedFile, ListedSocket, Liveness, NotChecked, Sighting, Socket,
    SocketField, SocketIno, Target,
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
    let named = |row: &Socket| matches(row, pattern.as_ref());
    let held = (!args.no_holders).then(|| {
        let wanted = dump.rows.iter().filter(|row| named(row)).map(|row| row.ino).collect();
        Arc::new(holders::walk(context.machine, Some(&wanted)))
    });
    let by_holder = held.as_ref().filter(|_| args.pid.is_some() || user.is_some());
    let chosen: Option<HashSet<SocketIno>> = by_holder.map(|held| {
        let rows = dump.rows.iter().filter(|row| named(row));
        rows.filter(|row| held_by(&mut examiner, held, row, args.pid, user)).map(|row| row.ino).collect()
    });
    let wanted =
        |row: &Socket| chosen.as_ref().map_or_else(|| named(row), |chosen| chosen.contains(&row.ino));
    let mut sheet =
        Sheet { context, judgement: Judgement::default(), judged: HashSet::new(), rows: Vec::new() };
    sheet.note_gaps(&dump);
    if args.stale {
        sheet.add_unbound(&mut examiner, &dump, pattern.as_ref());
    }
    examiner.survey(dump, wanted, held.as_ref(), |case, ino| sheet.add(case, Some(ino)));
    if sheet.rows.is_empty() && (pattern.is_some() || args.pid.is_some() || user.is_some()) {
        return Err(Refusal::open("no socket matches", "`sockdoctor list --all` shows every socket"));
    }
    sheet.note_hidden_holders(held.as_ref().and_then(|held| held.gap(context.machine)));
    sheet.order(args.sort);
    sheet.name_owners(&mut examiner);
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
    /// A row for the socket the case is about; for a file without one where there is none.
    fn add(&mut self, mut case: Case, ino: Option<SocketIno>) {
        let judged = rules::judge(&case, rules::ALL, |rule| self.context.chosen(rule));
        let position = case.sockets.items.iter().position(|sighting| Some(sighting.socket.ino) == ino);
        let sighting = position.map(|position| case.sockets.items.swap_remove(position));
        let role = sighting.as_ref().map(Sighting::role).transpose();
        let worst = judged.findings.iter().map(|finding| finding.severity).max();
        let unseen = role.is_err() || (sighting.is_none() && judged.findings.is_empty());
        let codes = judged.findings.iter().map(|finding| finding.code).collect();
        let verdict = overall(worst, unseen && !judged.broken);
        if judged.findings.is_empty() || self.judged.insert(case.target.label()) {
            self.judgement.absorb(judged);
        }
        let role = role.ok().flatten().flatten().filter(|_| matches!(case.target, Target::Path(_)));
        let file = file_of(&case, sighting.as_ref());
        let (socket, holders, netns_label) = match sighting {
            Some(sighting) => (
                Some(sighting.socket),
                if let Fact::Known(holders) = sighting.holders { Some(holders) } else { None },
                sighting.netns_label,
            ),
            None => (None, None, None),
        };
        let path = if socket.is_none() { case.path } else { Vec::new() };
        self.rows.push(ListedSocket { socket, holders, path, file, verdict, codes, role, netns_label });
    }

    /// Socket files nothing is bound to, as rows without a socket.
    fn add_unbound(&mut self, examiner: &mut Examiner<'_>, dump: &Sockets, pattern: Option<&GlobMatcher>) {
        let (files, gaps) = examiner.unbound_files(&dump.rows);
        let matching = |path: &Vec<u8>| pattern.is_none_or(|pattern| pattern.is_match(path_of(path)));
        let targets: Vec<Target> = files.into_iter().filter(matching).map(Target::Path).collect();
        for case in examiner.examine(&targets, b"/").into_iter().flatten() {
            // Bound by now, or replaced: no stale file.
            if case.serving().next().is_none() && case.liveness.known() != Some(&Liveness::Bound) {
                self.add(case, None);
            }
        }
        self.judgement.not_checked.extend(gaps.into_iter().map(|gap| NotChecked { code: None, gap }));
    }

    fn note_gaps(&mut self, dump: &Sockets) {
        let gaps = dump.gaps.iter().cloned().map(|gap| NotChecked { code: None, gap });
        self.judgement.not_checked.extend(gaps);
    }

    /// Only where a row lacks them.
    fn note_hidden_holders(&mut self, hidden: Option<Gap>) {
        let holderless =
            |row: &ListedSocket| row.socket.is_some() && row.holders.as_ref().is_some_and(Vec::is_empty);
        let hidden = hidden.filter(|_| self.rows.iter().any(holderless));
        self.judgement.not_checked.extend(hidden.map(|gap| NotChecked { code: None, gap }));
    }

    fn order(&mut self, by: Option<SocketField>) {
        match by {
            None | Some(SocketField::Verdict) => {
                self.rows.sort_unstable_by(|a, b| (a.verdict, a.name()).cmp(&(b.verdict, b.name())));
            }
            Some(SocketField::Name) => self.rows.sort_unstable_by(|a, b| a.name().cmp(b.name())),
            Some(other) => self.rows.sort_by_cached_key(|row| sort_key(row, other)),
        }
    }

    fn name_owners(&mut self, examiner: &mut Examiner<'_>) {
        let mut known: HashMap<(u32, u32), Arc<(IdName, IdName)>> = HashMap::new();
        for owner in self.rows.iter_mut().filter_map(|row| row.file.as_mut()?.owner.as_mut()) {
            let ids = (owner.0.id, owner.1.id);
            let named = || Arc::new((examiner.users.user(ids.0), examiner.users.group(ids.1)));
            *owner = Arc::clone(known.entry(ids).or_insert_with(named));
        }
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

fn matches(row: &Socket, pattern: Option<&GlobMatcher>) -> bool {
    pattern.is_none_or(|pattern| pattern.is_match(path_of(&shown_name(row))))
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

fn file_of(case: &Case, sighting: Option<&Sighting>) -> Option<ListedFile> {
    let state = case.file_state_beside(sighting)?;
    let file = case.file().ok().flatten();
    let owner = file.map(|file| Arc::new((IdName::unnamed(file.uid), IdName::unnamed(file.gid))));
    Some(ListedFile { state, mode: file.map(|file| file.mode), owner })
}

/// By the value of a column, then by name.
fn sort_key(row: &ListedSocket, by: SocketField) -> (u64, Vec<u8>) {
    let socket = row.socket.as_ref();
    let text = |text: &str| (0, [text.as_bytes(), b" ", row.name()].concat());
    let number = |number: Option<u64>| (number.unwrap_or(u64::MAX), row.name().to_vec());
    match by {
        SocketField::Verdict => number(Some(row.verdict as u64)),
        SocketField::Queue => {
            let waiting = socket.and_then(Socket::queue).map(|queue| u64::from(queue.waiting));
            number(waiting.map(|waiting| u64::MAX - 1 - waiting))
        }
        SocketField::Inode => number(socket.map(|socket| u64::from(socket.ino.0))),
        SocketField::Peer => number(socket.and_then(|socket| socket.peer).map(|peer| u64::from(peer.0))),
        SocketField::Uid => number(socket.and_then(|socket| socket.uid).map(u64::from)),
        SocketField::Netns => number(socket.map(|socket| socket.netns.0)),
        SocketField::Mode => number(row.file.as_ref().and_then(|file| file.mode).map(u64::from)),
        SocketField::Memory => {
            let memory = socket.and_then(|socket| socket.memory);
            number(
                memory.map(|memory| {
                    u64::MAX - 1 - u64::from(memory.receive_alloc) - u64::from(memory.send_alloc)
                }),
            )
        }
        SocketField::Holders => {
            number(row.holders.iter().flatten().next().map(|holder| u64::from(holder.process.pid)))
        }
        SocketField::Unit => {
            let unit = row.holders.iter().flatten().find_map(|holder| holder.process.unit.as_deref());
            text(unit.unwrap_or("\u{ff}"))
        }
        SocketField::Owner => {
            number(row.file.as_ref().and_then(|file| file.owner.as_ref()).map(|owner| u64::from(owner.0.id)))
        }
        SocketField::State => text(socket.map_or("", |socket| socket.state.word())),
        SocketField::Type => text(socket.map_or("", |socket| socket.kind.word())),
        SocketField::File => text(row.file.as_ref().map_or("", |file| file.state.word())),
        SocketField::Name => (0, row.name().to_vec()),
    }
}
