//! The consumers of a command line, each put before the socket in its own view.

use nix::errno::Errno;

use super::{Context, Refusal, rerooted};
use crate::cli::ConsumerArgs;
use crate::facts::consumers::{self, NoConsumer, Who};
use crate::facts::examine::Examiner;
use crate::facts::look::{Question, Root};
use crate::facts::walk::Acls;
use crate::facts::{connected, linger, mac, verdict};
use crate::model::{
    Access, Case, Consumer, Fact, File, FileKind, Gap, NetnsId, Origin, Reached, Target, Walk,
};

/// Whose files a path means, and where abstract names are; `None`: where we are.
pub(super) type View = (Root, Option<NetnsId>);

/// Looks at targets once for each view that the consumers have, and puts each consumer before what it sees.
/// Without consumers the view is ours.
pub(super) fn examine(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    targets: &[Target],
    here: &[u8],
    consumers: &[Consumer],
) -> Vec<Vec<Option<Case>>> {
    examiner.acls = Acls::Read;
    let mut views: Vec<(View, Vec<&Consumer>)> = Vec::new();
    for consumer in consumers {
        let view = (root_of(consumer), consumer.netns);
        match views.iter_mut().find(|(known, _)| *known == view) {
            Some((_, those)) => those.push(consumer),
            None => views.push((view, vec![consumer])),
        }
    }
    if views.is_empty() {
        views.push(((Root::Ours, None), Vec::new()));
    }
    let each = views.into_iter().map(|((root, netns), those)| {
        examiner.look_from(root, netns);
        let mut cases = examiner.examine(targets, here);
        for case in cases.iter_mut().flatten() {
            case.binder = examiner.binder(case);
            case.linger = linger::of(context.machine, &mut examiner.users, case);
            case.accesses = those.iter().map(|consumer| access(context, examiner, case, consumer)).collect();
        }
        cases
    });
    let each = each.collect();
    examiner.look_from(Root::Ours, None);
    each
}

/// Looks at targets with ourselves put before them: for who was denied, and is to know by what.
pub(super) fn examine_for_us(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    targets: &[Target],
    here: &[u8],
) -> Vec<Option<Case>> {
    let us = consumers::find(context.machine, examiner, &Who::Caller).unwrap_or_default();
    examine(context, examiner, targets, here, &us).into_iter().next().unwrap_or_default()
}

/// The consumers that the flags name; `None`: they name nobody.
pub(super) fn named(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    args: &ConsumerArgs,
    targets: &[Target],
    here: &[u8],
) -> Result<Option<Vec<Consumer>>, Refusal> {
    rerooted::check_consumer(context.machine, args)?;
    let who = match args {
        ConsumerArgs { user: Some(user), .. } => user_and_groups(user),
        ConsumerArgs { uid: Some(uid), gid, .. } => Who::Ids(*uid, gid.clone()),
        ConsumerArgs { pid: Some(pid), .. } => Who::Pid(*pid),
        ConsumerArgs { unit: Some(unit), .. } => Who::Unit(unit.clone()),
        ConsumerArgs { container: Some(container), .. } => Who::Container(container.clone()),
        ConsumerArgs { connected: true, .. } => {
            return all_connected(context, examiner, targets, here).map(Some);
        }
        _ => return Ok(None),
    };
    find(context, examiner, &who).map(Some)
}

/// `USER[:GROUP,...]`
pub(super) fn user_and_groups(text: &str) -> Who {
    let (user, groups) = text.split_once(':').unwrap_or((text, ""));
    let groups = groups.split(',').filter(|group| !group.is_empty()).map(str::to_owned).collect();
    Who::User(user.to_owned(), groups)
}

/// The view that `--view` names: of a pid, else of a unit, else of a container.
pub(super) fn view(context: &Context<'_>, examiner: &mut Examiner<'_>, name: &str) -> Result<View, Refusal> {
    let whose = match name.parse() {
        Ok(pid) => find(context, examiner, &Who::Pid(pid))?,
        Err(_) => match consumers::find(context.machine, examiner, &Who::Container(name.to_owned())) {
            Ok(found) => found,
            Err(_) => find(context, examiner, &Who::Unit(name.to_owned()))?,
        },
    };
    let unseen = |gap: &Gap| Refusal::open(format!("{}: {}", gap.source, gap.why), "run it as root");
    let consumer = whose.first().filter(|consumer| consumer.process.is_some()).ok_or_else(|| {
        Refusal::open(format!("{name} does not run: it has no view"), "start it, or give a pid")
    })?;
    consumer.our_view.gap().map_or(Ok((root_of(consumer), consumer.netns)), |gap| Err(unseen(gap)))
}

/// Finds consumers, or says why there are none.
pub(super) fn find(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    who: &Who,
) -> Result<Vec<Consumer>, Refusal> {
    consumers::find(context.machine, examiner, who).map_err(|error| match error {
        NoConsumer::Unknown(message, hint) => Refusal::usage(message, hint),
        NoConsumer::Unseen(message, hint) => Refusal::open(message, hint),
    })
}

fn all_connected(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    targets: &[Target],
    here: &[u8],
) -> Result<Vec<Consumer>, Refusal> {
    let cases = examiner.examine(targets, here);
    let pids: Vec<u32> =
        cases.iter().flatten().flat_map(|case| connected::clients(context.machine, case)).collect();
    let found = consumers::distinct(context.machine, examiner, pids, &Origin::Connected);
    if found.is_empty() {
        let hint = "name a consumer with --as, --pid or --unit; as root processes of others are seen too";
        return Err(Refusal::open("no process that can be seen is connected to it now", hint));
    }
    Ok(found)
}

fn root_of(consumer: &Consumer) -> Root {
    match (&consumer.our_view, &consumer.process) {
        (Fact::Known(false), Some(process)) => Root::Process(process.pid),
        _ => Root::Ours,
    }
}

fn access(context: &Context<'_>, examiner: &mut Examiner<'_>, case: &Case, consumer: &Consumer) -> Access {
    let Some(walk) = case.walk.known() else {
        return Access::without_path(consumer.clone(), case.server().is_some(), case.walk.gap());
    };
    let mut access = walked(examiner, walk, consumer);
    let file = walk.file();
    // A mount that may hang is not walked as somebody else; a directory is no socket to be asked.
    if !context.machine.has_kernel() {
        return access;
    }
    // Below a chroot no mount may be listed: that file was reached, and says nothing of hanging.
    let hangs = |file: &File| file.mount.is_some() && file.class.may_hang();
    let plain = file.is_some_and(|file| !hangs(file) && file.kind != FileKind::Directory);
    // Where we are stopped ourselves, the kernel says so without going any further.
    let barred = matches!(walk.reached, Reached::Stopped { errno, .. } if errno == Errno::EACCES as i32);
    // What permissions leave open the kernel alone can tell.
    let (mut open, verdicts) = (1, &mut examiner.verdicts);
    let left = match access.allowed() {
        Some(true) => &mut verdicts.granted,
        Some(false) => &mut verdicts.denied,
        None => &mut open,
    };
    if *left > 0 && (plain || barred) && consumer.our_view.gap().is_none() {
        *left -= 1;
        let kind = case.server().map(|server| server.socket.kind);
        let (root, path) = examiner.rooted(&case.path);
        access.kernel = verdict::of(context.machine, consumer, root, path, kind, context.deadline);
    }
    access.mac = mac::of(context.machine, &examiner.policy().security, consumer, &case.path, file);
    access
}

/// Puts a consumer before a directory in its own view, as if it looked for a socket there.
pub(super) fn before_directory(examiner: &mut Examiner<'_>, directory: &[u8], consumer: &Consumer) -> Access {
    let question = Question { acls: Acls::Read, ..Question::walk(root_of(consumer), directory) };
    match examiner.look(&question) {
        Err(gap) => Access::without_path(consumer.clone(), false, Some(&gap)),
        Ok(look) => {
            let mut access = walked(examiner, &look.walk.towards_a_name(), consumer);
            access.arrives = look.walk.file().is_some_and(|file| file.kind == FileKind::Directory);
            access
        }
    }
}

fn walked(examiner: &mut Examiner<'_>, walk: &Walk, consumer: &Consumer) -> Access {
    let mut access = Access::of(consumer.clone(), walk, &examiner.policy().protected_symlinks);
    for gate in &mut access.gates {
        gate.owner = examiner.users.user(gate.step.permissions.uid);
        gate.group = examiner.users.group(gate.step.permissions.gid);
    }
    access
}
