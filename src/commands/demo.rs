//! `demo`: a really broken socket, diagnosed. Exit status 0 when the diagnosis is the right one, so it is also
//! the self-test on this kernel.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Answer, Context, Refusal, inspect};
use crate::act::broken::{self, Broken};
use crate::cli::DemoArgs;
use crate::facts::examine::Examiner;
use crate::model::{Data, DemoEntry, Target};
use crate::rules::Judgement;

type Build = fn(&Path) -> io::Result<Broken>;

/// By name; the first is the default.
const DEMOS: &[(DemoEntry, Build)] = &[(
    DemoEntry { name: "listener-unlinked", code: "SD102", builds: "a listener, and unlinks its file" },
    broken::unlinked,
)];

pub(super) fn run(context: &Context<'_>, args: &DemoArgs) -> Result<Answer, Refusal> {
    if args.list {
        let demos: Vec<DemoEntry> = DEMOS.iter().map(|(demo, _)| demo.clone()).collect();
        let subjects = demos.len();
        return Ok(Answer {
            judgement: Judgement::default(),
            data: Data::Demos(demos),
            subjects,
            open: false,
        });
    }
    let chosen = args.name.as_deref().unwrap_or(DEMOS[0].0.name);
    let Some((demo, build)) = DEMOS.iter().find(|(demo, _)| demo.name == chosen || demo.code == chosen)
    else {
        return Err(Refusal::usage(
            format!("there is no demo {chosen}"),
            "`sockdoctor demo --list` names them",
        ));
    };
    let failed = |error: io::Error| {
        Refusal::open(format!("the demo could not be built: {error}"), "try another TMPDIR")
    };
    let directory = tempfile::Builder::new().prefix("sockdoctor-demo-").tempdir().map_err(failed)?;
    let broken = build(directory.path()).map_err(failed)?;
    let target = Target::Path(broken.path.as_os_str().as_bytes().to_vec());
    let mut examiner = Examiner::new(context.machine, context.deadline, false);
    let cases = examiner.examine(&[target], b"/").into_iter().flatten().collect();
    let mut answer = inspect::answer(context, &mut examiner, cases);
    drop(broken);
    directory.close().map_err(failed)?;
    let recognised = answer.judgement.findings.first().is_some_and(|finding| finding.code == demo.code);
    answer.open = !recognised;
    if let Data::Inspect(inspected) = answer.data {
        answer.data = Data::Demo { demo: demo.clone(), recognised, inspected };
    }
    Ok(answer)
}
