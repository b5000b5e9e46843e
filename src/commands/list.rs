//! `list`: one row a bound socket, each with its verdict.

mod further;
mod order;
mod servers;

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use globset::{Glob, GlobMatcher};

use super::sampled::{Sampled, sampled};
use super::{Answer, Context, Refusal, consumers, overall};
use crate::cli::ListArgs;
use crate::facts::examine::suspects::Suspects;
use crate::facts::examine::{Examiner, label};
use crate::facts::holders::{self, Holders};
use crate::facts::look::Root;
use crate::facts::netns::Namespace;
use crate::facts::netns_keepers::Keepers;
use crate::facts::process;
use crate::facts::sockets::{self, Ask, Sockets};
use crate::facts::survey::Surveyor;
use crate::facts::walk::Viewpoint;
use crate::model::{
    Address, Case, Data, FileState, Gap, IdName, Listed, ListedFile, ListedRow, Listing, Liveness,
    NotChecked, Role, Sample, Sighting, Socket, SocketField, SocketIno, Target,
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
    let deadline = context.deadline + args.health.sample.unwrap_or_default();
    let memory = columns(args).contains(&SocketField::Memory);
    run_by(context, &mut Examiner::new(context.machine, deadline, memory), args)
}

/// The same by an examiner, which remembers who holds the sockets.
pub(super) fn run_by(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    args: &ListArgs,
) -> Result<Answer, Refusal> {
    let fields = columns(args);
    let pattern = args.matching.as_deref().map(pattern).transpose()?;
    let memory = fields.contains(&SocketField::Memory);
    let user = args.user.as_deref().map(|name| user(examiner, name)).transpose()?;
    if let Some(pid) = args.pid.filter(|pid| !process::exists(context.machine, *pid)) {
        return Err(Refusal::open(format!("there is no process {pid}"), "`ps -e` lists those that are"));
    }
    let view = args.view.as_deref().map(|name| consumers::view(context, examiner, name)).transpose()?;
    let (root, netns) = view.unwrap_or((Root::Ours, None));
    examiner.look_from(root, netns);
    let named = |row: &Socket| matches(row, pattern.as_ref());
    let ask = Ask { owners_only: !args.all, memory };
    let all = |kept: &Keepers| {
        let mut dump = sockets::all(context.machine, ask, kept);
        if args.tcp {
            dump.add_tcp();
        }
        dump
    };
    let mut dump = all(&Keepers::new());
    let samples = args.health.sample.map(|duration| sampled(context, &dump, duration, named));
    let mut walk = |dump: &Sockets| {
        let wanted = dump.rows.iter().filter(|row| named(row)).map(|row| row.ino).collect();
        let held = Arc::new(holders::walk(context.machine, Some(&wanted)));
        examiner.remember_walk(wanted, &held);
        held
    };
    let mut held = (!args.no_holders).then(|| walk(&dump));
    if held.as_ref().is_some_and(|held| dump.lacks(&held.namespaces)) {
        // Only the walk meets namespaces that no process is in.
        dump = all(&held.take().map(|held| held.namespaces.clone()).unwrap_or_default());
        held = Some(walk(&dump));
    }
    let by_holder = held.as_ref().filter(|_| args.pid.is_some() || user.is_some());
    let chosen: Option<HashSet<SocketIno>> = by_holder.map(|held| {
        let rows = dump.rows.iter().filter(|row| named(row));
        rows.filter(|row| held_by(examiner, held, row, args.pid, user)).map(|row| row.ino).collect()
    });
    let wanted =
        |row: &Socket| chosen.as_ref().map_or_else(|| named(row), |chosen| chosen.contains(&row.ino));
    let mut sheet = Sheet::new(context, &dump.rows);
    sheet.samples = samples.as_ref();
    sheet.note_gaps(&dump);
    if args.stale {
        sheet.add_unbound(examiner, &dump, pattern.as_ref());
    }
    let numbered = (0..).zip(&dump.rows).filter(|(_, row)| wanted(row));
    let numbers: Vec<u32> = numbered.map(|(number, _)| number).collect();
    let view = examiner.viewpoint(root).ok();
    let open = sheet.add_plain(numbers, view.as_deref(), &dump.namespaces, held.is_some());
    // An overview never waits: what it cannot be sure of it calls likely.
    let patient = std::mem::replace(&mut examiner.patient, false);
    let mut suspects = Suspects::default();
    for (mut case, number) in examiner.survey_open(&dump, &open, held.is_some()) {
        if let Some(samples) = dump.rows.get(number as usize).and_then(|row| sheet.crowded(row)) {
            examiner.fares(&mut case, samples.clone(), &mut suspects);
        }
        let row = sheet.row(&case, Listed::Socket(number));
        sheet.rows.push(row);
    }
    examiner.patient = patient;
    sheet.name_holders(examiner, held.as_deref());
    sheet.judge_servers(examiner, &dump.namespaces, &mut suspects);
    sheet.ask_further(&args.health, &dump)?;
    if sheet.rows.is_empty() && (pattern.is_some() || args.pid.is_some() || user.is_some()) {
        return Err(Refusal::open("no socket matches", "`sockdoctor list --all` shows every socket"));
    }
    sheet.note_hidden_holders(held.as_ref().and_then(|held| held.gap(context.machine)));
    sheet.order(args.sort);
    let Sheet { judgement, rows, .. } = sheet;
    let (subjects, owners) = (rows.len(), owners(&rows, examiner));
    let labelled = |namespace: &Namespace| Some((namespace.id, label(&dump.namespaces, namespace.id)?));
    let labels = dump.namespaces.iter().filter_map(labelled).collect();
    let sockets = Listing { rows, sockets: dump.rows, owners, labels };
    Ok(Answer { judgement, subjects, data: Data::List { sockets, fields }, ..Answer::nothing() })
}

/// Rows from which on a second thread pays for its start.
const WORTH_A_THREAD: usize = 2000;

/// The rows as they come.
struct Sheet<'r> {
    context: &'r Context<'r>,
    sockets: &'r [Socket],
    judgement: Judgement,
    /// Names whose findings are already counted: several sockets may share one.
    judged: HashSet<Vec<u8>>,
    rows: Vec<ListedRow>,
    /// How many of them, from the first on, are in the order of their names.
    in_order: usize,
    /// What several looks showed.
    samples: Option<&'r Sampled>,
}

impl<'r> Sheet<'r> {
    fn new(context: &'r Context<'r>, sockets: &'r [Socket]) -> Self {
        let (judgement, judged) = (Judgement::default(), HashSet::new());
        Self { context, sockets, judgement, judged, rows: Vec::new(), in_order: 0, samples: None }
    }

    /// What the looks showed of a socket in whose queue somebody waited.
    fn crowded(&self, socket: &Socket) -> Option<&'r Vec<Sample>> {
        let samples = self.samples?.get(&(socket.ino, socket.cookie))?;
        let crowded = |sample: &Sample| sample.queue.is_some_and(|queue| queue.waiting > 0);
        samples.iter().any(crowded).then_some(samples)
    }

    /// Rows of these sockets whose names lead back to them; the other sockets are returned. Long lists are looked
    /// at from two threads: the looks wait for nothing but the kernel. Each takes its half of the names in order.
    /// What is wrong with a row is said by who holds it, where that is known.
    fn add_plain(
        &mut self,
        numbers: Vec<u32>,
        view: Option<&Viewpoint>,
        namespaces: &[Namespace],
        with_holders: bool,
    ) -> Vec<u32> {
        let (context, sockets, samples) = (self.context, self.sockets, self.samples);
        let look = |names: &mut [(&[u8], u32)]| {
            let (mut sheet, mut open) = (Sheet { samples, ..Sheet::new(context, sockets) }, Vec::new());
            let mut surveyor = Surveyor::new(view, namespaces);
            names.sort_unstable();
            sheet.rows.reserve(names.len());
            for (_, number) in names {
                // Of a server whose clients wait its processes are looked at too.
                let plain = |socket: &&Socket| sheet.crowded(socket).is_none();
                match sockets.get(*number as usize).filter(plain).and_then(|socket| surveyor.case(socket)) {
                    Some(case) => {
                        let judged = sheet.judge(&case);
                        if with_holders && judged.is_wrong() {
                            open.push(*number);
                            continue;
                        }
                        let row = sheet.judged_row(&case, Listed::Socket(*number), judged);
                        sheet.rows.push(row);
                    }
                    None => open.push(*number),
                }
            }
            (sheet, open)
        };
        // Names beside one another: in a long list the sockets they belong to are far apart, and a sort that went to
        // them would spend its time waiting for memory.
        let name =
            |number: u32| sockets.get(number as usize).map_or(&[][..], |socket| socket.address.bytes());
        let mut names: Vec<_> = numbers.into_iter().map(|number| (name(number), number)).collect();
        let half = if names.len() < WORTH_A_THREAD { names.len() } else { names.len() / 2 };
        if half < names.len() {
            names.select_nth_unstable(half);
        }
        let (here, there) = names.split_at_mut(half);
        let there = (!there.is_empty()).then_some(there);
        let (one, two) = super::halves::both(here, there, look);
        let (mut all, found) = (Vec::new(), mem::take(&mut self.rows));
        for (sheet, open) in [Some(one), two].into_iter().flatten() {
            self.judgement.absorb(sheet.judgement);
            self.judged.extend(sheet.judged);
            if self.rows.is_empty() {
                self.rows = sheet.rows;
            } else {
                self.rows.extend(sheet.rows);
            }
            all.extend(open);
        }
        self.in_order = self.rows.len();
        self.rows.extend(found);
        all
    }

    /// A row for the socket the case is about, or for a file without one.
    fn row(&mut self, case: &Case, about: Listed) -> ListedRow {
        let judged = self.judge(case);
        self.judged_row(case, about, judged)
    }

    fn judge(&self, case: &Case) -> Judgement {
        rules::judge(case, rules::ALL, |rule| self.context.chosen(rule))
    }

    fn judged_row(&mut self, case: &Case, about: Listed, judged: Judgement) -> ListedRow {
        let socket = match &about {
            Listed::Socket(number) => self.sockets.get(*number as usize),
            Listed::File(_) => None,
        };
        let is_it = |sighting: &&Sighting| socket.is_some_and(|socket| socket.ino == sighting.socket.ino);
        let sighting = case.sockets.items.iter().find(is_it);
        let role = sighting.map(Sighting::role).transpose();
        let worst = judged.findings.iter().map(|finding| finding.severity).max();
        let unseen = role.is_err() || (sighting.is_none() && judged.findings.is_empty());
        let elsewhere = role == Ok(Some(Some(Role::OtherView)));
        let row = ListedRow {
            about,
            file: if elsewhere { Some(out_of_sight()) } else { file_of(case) },
            verdict: overall(worst, (unseen && !judged.broken) || judged.error_left_out),
            role: role.ok().flatten().flatten().filter(|_| matches!(case.target, Target::Path(_))),
            holders: sighting
                .and_then(|sighting| sighting.holders.known())
                .map(|held| held.as_slice().into()),
            codes: judged.findings.iter().map(|finding| finding.code).collect(),
        };
        if judged.findings.is_empty() || self.judged.insert(case.target.label()) {
            self.judgement.absorb(judged);
        }
        row
    }

    /// Holders of the rows that were judged without them.
    fn name_holders(&mut self, examiner: &mut Examiner<'_>, held: Option<&Holders>) {
        let Some(held) = held else { return };
        for row in self.rows.iter_mut().filter(|row| row.holders.is_none()) {
            let socket = row.socket(self.sockets);
            row.holders = socket.map(|socket| examiner.remembered_holders(held, socket).into());
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
                let path = Listed::File(case.path.as_slice().into());
                let row = self.row(&case, path);
                self.rows.push(row);
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
        let holderless = |row: &ListedRow| {
            matches!(row.about, Listed::Socket(_)) && row.holders.as_ref().is_some_and(|held| held.is_empty())
        };
        let hidden = hidden.filter(|_| self.rows.iter().any(holderless));
        self.judgement.not_checked.extend(hidden.map(|gap| NotChecked { code: None, gap }));
    }
}

/// Owners and groups of the rows' files; many files share few of them.
fn owners(rows: &[ListedRow], examiner: &mut Examiner<'_>) -> BTreeMap<(u32, u32), (IdName, IdName)> {
    let mut owners = BTreeMap::new();
    for (uid, gid) in rows.iter().filter_map(|row| row.file?.owner()) {
        let named = || (examiner.users.user(uid), examiner.users.group(gid));
        owners.entry((uid, gid)).or_insert_with(named);
    }
    owners
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
        Address::Path(_) | Address::Tcp(_) | Address::Unnamed => row.address.bytes().to_vec(),
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

/// The file of a socket that was bound in another mount view: what stands at its name here is another matter.
const fn out_of_sight() -> ListedFile {
    ListedFile { state: FileState::OtherView, status: None }
}

fn file_of(case: &Case) -> Option<ListedFile> {
    let state = case.file_state()?;
    let file = case.file().ok().flatten();
    Some(ListedFile { state, status: file.map(|file| (file.mode, file.uid, file.gid)) })
}
