//! `graph`: who talks to whom, consumer → socket → holders.

use std::os::unix::ffi::OsStrExt;

use super::socket_unit::Units;
use super::{Answer, Context, Refusal, consumers, inspect, list, rerooted};
use crate::cli::{GraphArgs, ListArgs};
use crate::facts::connections;
use crate::facts::examine::Examiner;
use crate::model::{
    Address, Data, Graph, GraphSocket, InspectedTarget, ListedSocket, NotChecked, Overall, Sighting, Socket,
    Target,
};

pub(super) fn run(context: &Context<'_>, args: &GraphArgs) -> Result<Answer, Refusal> {
    let mut examiner = Examiner::new(context.machine, context.deadline, false);
    let mut answer = if args.targets.is_empty() {
        list::run(context, &ListArgs::default())?
    } else {
        targets(context, &mut examiner, args)?
    };
    let mut sockets: Vec<GraphSocket> = match &answer.data {
        Data::List { sockets, .. } => sockets.iter().map(|row| listed(&row)).collect(),
        Data::Inspect(targets) => targets.iter().flat_map(|target| inspected(target, &answer)).collect(),
        _ => Vec::new(),
    };
    let servers: Vec<Option<&Socket>> = sockets.iter().map(|socket| socket.socket.as_ref()).collect();
    let (connected, gaps) = connections::of(context.machine, &mut examiner, &servers);
    for (socket, connected) in sockets.iter_mut().zip(connected) {
        (socket.consumers, socket.hidden) = (connected.clients, connected.hidden);
    }
    sockets.sort_by(|a, b| (a.verdict, &a.name).cmp(&(b.verdict, &b.name)));
    answer.judgement.not_checked.extend(gaps.into_iter().map(|gap| NotChecked { code: None, gap }));
    answer.subjects = sockets.len();
    answer.data = Data::Graph(Graph { sockets });
    Ok(answer)
}

/// The targets with all their sockets, judged as `inspect` does.
fn targets(context: &Context<'_>, examiner: &mut Examiner<'_>, args: &GraphArgs) -> Result<Answer, Refusal> {
    let here = context.machine.working_directory();
    let mut targets: Vec<Target> = Vec::new();
    for text in &args.targets {
        let target = inspect::understood(text.as_bytes())?;
        rerooted::check_target(context.machine, &target)?;
        targets.extend(examiner.expand(&target, &here));
    }
    let units = Units::of(context.machine);
    let found = consumers::examine(context, examiner, &targets, &here, &[]);
    let mut cases: Vec<_> = found.into_iter().flatten().flatten().collect();
    if let ([.., last], true) = (targets.as_slice(), cases.is_empty()) {
        return Err(Refusal::open(format!("{} {last}", inspect::NOBODY_HAS), inspect::IT_MAY_BE_GONE));
    }
    for case in &mut cases {
        units.name(case);
    }
    Ok(inspect::answer(context, examiner, cases))
}

fn listed(row: &ListedSocket<'_>) -> GraphSocket {
    GraphSocket {
        name: row.socket.map_or_else(|| row.name().to_vec(), name),
        socket: row.socket.cloned(),
        netns_label: row.netns_label.map(str::to_owned),
        role: row.row.role,
        verdict: row.row.verdict,
        codes: row.row.codes.to_vec(),
        holders: row.row.holders.as_deref().unwrap_or_default().to_vec(),
        consumers: Vec::new(),
        hidden: 0,
    }
}

/// Each socket that has to do with the target; the target alone where none has.
fn inspected(target: &InspectedTarget, answer: &Answer) -> Vec<GraphSocket> {
    let case = &target.case;
    let subject = case.subject();
    let about = answer.judgement.findings.iter().filter(|finding| finding.subject == subject);
    let alone = GraphSocket {
        name: case.target.label(),
        socket: None,
        netns_label: None,
        role: None,
        verdict: target.verdict,
        codes: about.map(|finding| finding.code).collect(),
        holders: Vec::new(),
        consumers: Vec::new(),
        hidden: 0,
    };
    let is_inode = matches!(case.target, Target::Inode(_));
    let shown = |sighting: &&Sighting| is_inode || sighting.socket.owns_name();
    let each = case.sockets.items.iter().filter(shown).map(|sighting| {
        let serves = is_inode || sighting.relation.serves;
        GraphSocket {
            name: name(&sighting.socket),
            socket: Some(sighting.socket.clone()),
            netns_label: sighting.netns_label.clone(),
            role: sighting.role().ok().flatten(),
            // What is wrong with the name is not wrong with every socket that has it.
            verdict: if serves || case.server().is_none() { target.verdict } else { Overall::Unknown },
            holders: sighting.holders.known().cloned().unwrap_or_default(),
            ..alone.clone()
        }
    });
    let each: Vec<GraphSocket> = each.collect();
    if each.is_empty() { vec![alone] } else { each }
}

fn name(socket: &Socket) -> Vec<u8> {
    match &socket.address {
        Address::Path(name) | Address::Tcp(name) => name.to_vec(),
        Address::Abstract(name) => [b"@", &name[..]].concat(),
        Address::Unnamed => format!("inode:{}", socket.ino.0).into_bytes(),
    }
}
