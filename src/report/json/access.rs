//! A consumer before a socket: its identity, the walk component by component, the verdicts.

use serde::Serialize;

use super::Name;
use super::target::{id_name, mode};
use crate::model::{self, Asked, Class, Fact, KernelVerdict, Origin};

/// The answer of `access`: the consumer that is stopped first, and all of them.
#[derive(Serialize)]
pub(super) struct Access<'r> {
    #[serde(rename = "target")]
    label: String,
    #[serde(rename = "target_b64")]
    label_b64: Option<String>,
    #[serde(flatten)]
    first: Option<Admission<'r>>,
    consumers: Vec<Admission<'r>>,
}

/// One consumer.
#[derive(Serialize)]
pub(super) struct Admission<'r> {
    consumer: Consumer<'r>,
    allowed: Option<bool>,
    kernel_verdict: Option<&'static str>,
    mac: &'static str,
    walk: Vec<Gate<'r>>,
}

#[derive(Serialize)]
struct Consumer<'r> {
    origin: &'static str,
    uid: u32,
    user: Option<&'r str>,
    gid: u32,
    group: Option<&'r str>,
    groups: &'r [u32],
    capabilities: String,
    pid: Option<u32>,
    command: Option<String>,
    unit: Option<&'r str>,
    container: Option<&'r str>,
    same_view: Option<bool>,
}

#[derive(Serialize)]
struct Gate<'r> {
    path: String,
    path_b64: Option<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    mode: String,
    uid: u32,
    gid: u32,
    owner: Option<&'r str>,
    group: Option<&'r str>,
    acl: Option<bool>,
    needs: &'static str,
    allowed: Option<bool>,
    by: Option<&'static str>,
    bits: Option<String>,
}

impl<'r> Access<'r> {
    pub(super) fn of(inspected: &'r [model::InspectedTarget]) -> Self {
        let cases = || inspected.iter().map(|target| &target.case);
        let label = cases().next().map(|case| case.target.label()).unwrap_or_default();
        let Name { name: label, name_b64: label_b64 } = Name::of(&label);
        let all = || cases().flat_map(|case| &case.accesses).map(Admission::of);
        Self { label, label_b64, first: all().next(), consumers: all().collect() }
    }
}

impl<'r> Admission<'r> {
    pub(super) fn of(access: &'r model::Access) -> Self {
        Self {
            consumer: Consumer::of(&access.consumer),
            allowed: access.allowed(),
            kernel_verdict: access.kernel.known().map(|verdict| match verdict {
                KernelVerdict::Allowed => "allowed",
                KernelVerdict::Denied => "denied",
                KernelVerdict::NotReached(_) => "not_reached",
            }),
            mac: access.mac.word(),
            walk: access.gates.iter().map(Gate::of).collect(),
        }
    }
}

impl<'r> Consumer<'r> {
    fn of(consumer: &'r model::Consumer) -> Self {
        let process = consumer.process.as_deref();
        Self {
            origin: match consumer.origin {
                Origin::Caller => "caller",
                Origin::User => "user",
                Origin::Process => "process",
                Origin::Unit(_) => "unit",
                Origin::Container(_) => "container",
                Origin::Connected => "connected",
            },
            uid: consumer.credentials.uid,
            user: id_name(&consumer.user),
            gid: consumer.credentials.gid,
            group: id_name(&consumer.group),
            groups: &consumer.credentials.groups,
            capabilities: format!("{:016x}", consumer.credentials.capabilities),
            pid: process.map(|process| process.pid),
            command: process.map(|process| Name::of(&process.command).name),
            unit: process.and_then(|process| process.unit.as_deref()),
            container: process.and_then(|process| process.container.as_deref()),
            same_view: consumer.our_view.known().copied(),
        }
    }
}

impl<'r> Gate<'r> {
    fn of(gate: &'r model::Gate) -> Self {
        let Name { name: path, name_b64: path_b64 } = Name::of(&gate.step.path);
        let permissions = &gate.step.permissions;
        let decision = gate.answer.as_ref().ok().and_then(|answer| answer.decision);
        Self {
            path,
            path_b64,
            kind: gate.step.kind.word(),
            mode: mode(permissions.mode),
            uid: permissions.uid,
            gid: permissions.gid,
            owner: id_name(&gate.owner),
            group: id_name(&gate.group),
            acl: match &permissions.acl {
                Fact::Known(acl) => Some(acl.is_some()),
                Fact::Unknown(_) | Fact::NotAsked => None,
            },
            needs: match gate.asked {
                Asked::Search => "x",
                Asked::Write => "w",
                Asked::Follow => "follow",
            },
            allowed: gate.answer.as_ref().ok().map(|answer| answer.allowed),
            by: decision.map(|decision| match decision.class {
                Class::Owner => "owner",
                Class::Group => "group",
                Class::Other => "other",
                Class::AclUser(_) => "acl_user",
                Class::AclGroup(_) => "acl_group",
                Class::Capability => "capability",
            }),
            bits: decision.map(|decision| decision.granted.to_string()),
        }
    }
}
