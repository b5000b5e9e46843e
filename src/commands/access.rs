//! `access`: would this consumer get in, and which component of the path stops it?

use std::os::unix::ffi::OsStrExt;

use super::socket_unit::Units;
use super::{Answer, Context, Refusal, consumers, inspect, rerooted};
use crate::cli::{AccessArgs, FailOn};
use crate::exit;
use crate::facts::consumers::Who;
use crate::facts::examine::Examiner;
use crate::model::{Access, Data, Target};

pub(super) fn run(context: &Context<'_>, args: &AccessArgs) -> Result<Answer, Refusal> {
    let target = inspect::understood(args.target.as_bytes())?;
    if let Target::Tcp(address) = &target {
        let message = format!("`{address}` is a TCP address, which has no permissions");
        return Err(Refusal::usage(message, "`sockdoctor inspect` says whether anybody listens there"));
    }
    rerooted::check_target(context.machine, &target)?;
    let mut examiner = Examiner::new(context.machine, context.deadline, false);
    let here = context.machine.working_directory();
    let targets = [target];
    let named = consumers::named(context, &mut examiner, &args.consumer, &targets, &here)?;
    let whose = match named {
        Some(whose) => whose,
        None => consumers::find(context, &mut examiner, &Who::Caller)?,
    };
    let found = consumers::examine(context, &mut examiner, &targets, &here, &whose);
    let mut cases: Vec<_> = found.into_iter().flatten().flatten().collect();
    let units = Units::of(context.machine);
    for case in &mut cases {
        units.name(case);
    }
    if cases.is_empty() {
        let message = format!("{} {}", inspect::NOBODY_HAS, targets[0]);
        return Err(Refusal::open(message, inspect::IT_MAY_BE_GONE));
    }
    let mut answer = inspect::answer(context, &mut examiner, cases);
    if let Data::Inspect(mut inspected) = answer.data {
        let answers = || inspected.iter().flat_map(|target| &target.case.accesses).map(Access::allowed);
        // Whether a live server is at the end is not what was asked.
        answer.open = answers().any(|allowed| allowed.is_none());
        let denied = answers().any(|allowed| allowed == Some(false));
        answer.status = (denied && context.global.fail_on != Some(FailOn::Never)).then_some(exit::PROBLEM);
        // Who is stopped stands first, in every format.
        inspected.sort_by_key(|target| target.verdict);
        for target in &mut inspected {
            target
                .case
                .accesses
                .sort_by_key(|access| access.allowed().map_or(1, |allowed| u8::from(allowed) * 2));
        }
        answer.data = Data::Access(inspected);
    }
    Ok(answer)
}
