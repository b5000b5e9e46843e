//! The words of the project as types: facts, sockets, paths, cases, rules, findings, reports.
//!
//! Pure data and pure questions about it. Nothing here looks at the machine, and nothing here imports
//! another module of this crate: every other part speaks in these types.

mod access;
mod acl;
mod address;
mod alarm;
mod case;
mod cleaning;
mod composition;
mod configured;
mod consumer;
mod dac;
mod declaration;
mod expectation;
mod explain;
mod fact;
mod filesystem;
mod finding;
mod graph;
mod guard;
mod guard_record;
mod health;
mod health_check;
mod links;
mod listing;
mod log;
mod mac;
mod masked;
mod merged;
mod mount;
mod path;
mod planned;
mod preflight;
mod probe;
mod probe_plan;
mod process;
mod protocol;
mod report;
mod rule;
mod sandbox;
mod served;
mod sight;
mod sighting;
mod socket;
mod stray;
mod target;
mod trace;
mod unit;
mod users;
mod waited;

pub use access::{Access, Answer, Asked, Gate, KernelVerdict, Obstacle};
pub use acl::{Acl, AclEntry, AclTag};
pub use address::Address;
pub use alarm::Alarm;
pub use case::{Case, Linger, Wished};
pub use cleaning::{ASIDE_PREFIX, Candidate, CleanState};
pub use composition::{BoundMount, Composition, Dependency, MountSource, Service, Volume};
pub use configured::{AtBoot, Configured, Jail, Misfit, TcpOwner};
pub use consumer::{Consumer, Origin};
pub use dac::{
    Bits, Class, Credentials, DAC_OVERRIDE, DAC_READ_SEARCH, Decision, IdMaps, IdRange, Permissions,
};
pub use declaration::{
    AgedLine, Declaration, Declared, LOCALHOST, Opening, TargetOs, Usage, Written, names_a_socket,
    postgres_file,
};
pub use expectation::{Expectations, Header, JsonValue, Miss, Statuses, pattern};
pub use explain::{
    Call, ExplainKind, ExplainedCause, ExplainedErrno, ExplainedRule, Explanation, TextFamily,
};
pub use fact::{Fact, Gap, Names, Seen};
pub use filesystem::{KnownFilesystem, known_filesystem};
pub use finding::{Certainty, Edit, Evidence, Finding, Fix, Location, Severity, Subject, SubjectKind};
pub use graph::{Client, End, Graph, GraphSocket, Parties, Party};
pub use guard::{GuardCause, GuardOutcome, GuardPass, Repair, RepairCount};
pub use guard_record::GuardRecord;
pub use health::{Descriptors, HalfDead, Health, Pulse, Sample, Stall, Vitals};
pub use health_check::{Asks, CheckVerdict, Checked, Expected, HealthCheck, HealthExpect};
pub use listing::{Listed, ListedFile, ListedRow, ListedSocket, Listing};
pub use log::{LogFamily, LogReading, LoggedFamily};
pub use mac::{Denial, Mac, MacModule};
pub use merged::{Merged, MergedFinding};
pub use mount::{Mount, MountClass, MountTable};
pub use path::{File, FileKind, FileState, Liveness, Look, Reached, Step, Walk};
pub use planned::Planned;
pub use preflight::{Born, Place, Preflight, Ratio, SocketTrial, TrialAct, TrialEnd, TrialStep};
pub use probe::{
    KnownBy, NotProbed, Outcome, ProbeStep, Probed, ProbedTarget, Reply, StepName, Unfinished, percentile,
};
pub use probe_plan::{Depth, Form, HttpRequest, ProbePlan};
pub use process::{Holder, Process};
pub use protocol::Protocol;
pub use report::{
    CheckedFile, Data, DemoEntry, Failure, Host, InspectedTarget, NotChecked, Overall, ReplyShown, Report,
    SocketField,
};
pub use rule::{NoVerdict, Rule, Verdict};
pub use sandbox::{Altered, Sandbox, Shown};
pub use served::Served;
pub use sight::{Check, CheckState, Security, Sight, Trial, UserNamespaces};
pub use sighting::{Relation, Sighting, View, Waiting};
pub use socket::{
    Device, FileId, FileIno, Memory, NetnsId, Queue, Role, Socket, SocketIno, SocketState, SocketType,
};
pub use stray::{stray_bytes, without_stray_bytes};
pub use target::{Target, TargetError};
pub use trace::{
    Actor, Deed, Doer, Event, FileSeen, How, Mechanism, Removal, Trace, Victim, WatchEnd, Window,
};
pub use unit::{Makes, Passed, Preserve, Setting, Unit, UnitState};
pub use users::{IdName, NameSource};
pub use waited::{Ending, Goal, Reach, Waited};
