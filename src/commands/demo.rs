//! `demo`: a really broken socket, diagnosed. Exit status 0 when the diagnosis is the right one, so it is also
//! the self-test on this kernel.

use std::io;
use std::path::Path;

use super::{Answer, Context, Refusal, consumers, inspect};
use crate::act::broken::{self, Broken};
use crate::act::scratch::Scratch;
use crate::cli::DemoArgs;
use crate::facts::consumers::Who;
use crate::facts::examine::Examiner;
use crate::facts::{host, process};
use crate::model::{Data, DemoEntry, Fix, Target};
use crate::rules::Judgement;

type Build = fn(&Path) -> io::Result<Broken>;

/// What is shown when nothing is named.
const DEFAULT: &str = "listener-unlinked";

/// In code order, each named as the rule it shows.
const DEMOS: &[(DemoEntry, Build)] = &[
    demo("path-missing", "SD101", "nothing, and looks for it", broken::missing),
    demo("listener-unlinked", "SD102", "a listener, and unlinks its file", broken::unlinked),
    demo("listener-replaced", "SD103", "two listeners, the second on the first one's path", broken::replaced),
    demo("stale-socket-file", "SD104", "a listener, and closes it without unlinking", broken::stale),
    demo("bound-not-listening", "SD105", "a socket that is bound and never listens", broken::bound_only),
    demo("not-a-socket", "SD106", "a regular file", broken::regular_file),
    demo(CONTAINER_DIRECTORY, "SD107", "an empty directory of root", broken::empty_directory),
    demo("path-too-long", "SD108", "a listener deep down, reached through a descriptor", broken::too_long),
    demo("suspicious-path-bytes", "SD109", "a listener whose name ends in \\r", broken::carriage_return),
    demo("relative-socket-path", "SD110", "a listener, by a relative name", broken::relative),
    demo("symlink-problem", "SD111", "a symbolic link to nothing", broken::dangling_link),
    demo("kernel-name-differs", "SD113", "a listener, and renames its file", broken::renamed),
    demo("socket-type-mismatch", "SD116", "a datagram socket, for HTTP", broken::datagram_for_http),
    demo(
        "parent-not-searchable",
        "SD202",
        "a listener in a directory of mode 0700",
        broken::closed_directory,
    ),
    demo("mode-or-owner-not-as-expected", "SD213", "a listener of mode 0600, not 0660", broken::other_mode),
    demo("listener-shut-down", "SD305", "a listener, and shuts its receiving side", broken::shut_down),
];

/// The one that takes a directory of root.
const CONTAINER_DIRECTORY: &str = "directory-from-container-runtime";

const fn demo(
    name: &'static str,
    code: &'static str,
    builds: &'static str,
    build: Build,
) -> (DemoEntry, Build) {
    (DemoEntry { name, code, builds }, build)
}

pub(super) fn run(context: &Context<'_>, args: &DemoArgs) -> Result<Answer, Refusal> {
    let root = host::host(context.machine).uid == 0;
    if args.list {
        let offered = DEMOS.iter().filter(|(demo, _)| root || demo.name != CONTAINER_DIRECTORY);
        let demos: Vec<DemoEntry> = offered.map(|(demo, _)| demo.clone()).collect();
        let subjects = demos.len();
        return Ok(Answer {
            judgement: Judgement::default(),
            data: Data::Demos(demos),
            subjects,
            ..Answer::nothing()
        });
    }
    let chosen = args.name.as_deref().unwrap_or(DEFAULT);
    let named =
        |(demo, _): &&(DemoEntry, Build)| demo.name == chosen || demo.code.eq_ignore_ascii_case(chosen);
    let Some((demo, build)) = DEMOS.iter().find(named) else {
        return Err(Refusal::usage(
            format!("there is no demo {chosen}"),
            "`sockdoctor demo --list` names them",
        ));
    };
    if demo.name == CONTAINER_DIRECTORY && !root {
        let message = format!("the demo {} takes a directory that belongs to root", demo.name);
        return Err(Refusal::open(message, format!("sudo sockdoctor demo {}", demo.name)));
    }
    show(context, demo, *build)
}

fn show(context: &Context<'_>, demo: &DemoEntry, build: Build) -> Result<Answer, Refusal> {
    let failed = |error: io::Error| {
        Refusal::open(format!("the demo could not be built: {error}"), "try another TMPDIR")
    };
    let scratch = Scratch::new("sockdoctor-demo-").map_err(failed)?;
    let broken = build(scratch.path()).map_err(failed)?;
    let target = Target::parse(&broken.target).map_err(|error| failed(io::Error::other(error)))?;
    let mut examiner = Examiner::new(context.machine, context.deadline, false);
    let here = process::own_directory();
    let whose = match broken.consumer {
        Some(uid) => consumers::find(context, &mut examiner, &Who::Ids(uid, Vec::new()))?,
        None => Vec::new(),
    };
    let found = consumers::examine(context, &mut examiner, &[target], &here, &whose);
    let mut cases: Vec<_> = found.into_iter().flatten().flatten().collect();
    for case in &mut cases {
        case.wished.mode = broken.expected_mode;
        case.expects = Target::expected_type(&broken.target);
    }
    let mut answer = inspect::answer(context, &mut examiner, cases);
    drop(broken);
    scratch.close().map_err(failed)?;
    let recognised = answer.judgement.findings.first().is_some_and(|finding| finding.code == demo.code);
    answer.open = !recognised;
    let fixes = answer.judgement.findings.iter_mut().flat_map(|finding| &mut finding.fixes);
    fixes.for_each(|fix| spare(fix, std::process::id()));
    if let Data::Inspect(inspected) = answer.data {
        answer.data = Data::Demo { demo: demo.clone(), recognised, inspected };
    }
    Ok(answer)
}

/// A command that would stop this process is none to paste: when it is read, its number may be another's.
fn spare(fix: &mut Fix, own: u32) {
    if fix.command.as_deref() == Some(format!("kill {own}").as_bytes()) {
        *fix = Fix::advice(format!("{} (here it is the demo itself, which has ended)", fix.text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_not_to_be_killed_and_others_are_left_as_they_are() {
        let mut fixes = [Fix::change("kill 7", "stop it"), Fix::change("kill 77", "stop it")];
        for fix in &mut fixes {
            spare(fix, 7);
        }
        assert_eq!(fixes[0], Fix::advice("stop it (here it is the demo itself, which has ended)"));
        assert_eq!(fixes[1].command.as_deref(), Some(&b"kill 77"[..]));
    }
}
