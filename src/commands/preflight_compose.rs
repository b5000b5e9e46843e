//! `preflight --compose`: what Compose files say, judged without any engine. Where it is to run here, what lies
//! below their directories of the host is looked up; no directory is touched.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Answer, Context, Refusal, complain, overall, silence};
use crate::cli::ComposeArgs;
use crate::config::compose::{self, Variables};
use crate::config::patch;
use crate::facts::{config_files, mounts, process};
use crate::model::{CheckedFile, Data, Edit, Failure, Gap, MountClass, MountTable, NotChecked};
use crate::rules::{self, Judgement};

/// A file and its text.
type Text = (Vec<u8>, Vec<u8>);

pub(super) fn run(context: &Context<'_>, args: &ComposeArgs) -> Result<Answer, Refusal> {
    let table = match args.target_os {
        None => Some(mounts::of(context.machine, None)),
        Some(_) => None,
    };
    let mut answer = Answer::nothing();
    let mut failures: Vec<String> = Vec::new();
    let mut files = Vec::new();
    let mut patches: Vec<Vec<u8>> = Vec::new();
    for paths in projects(&args.files) {
        let texts = texts(&paths, &mut failures);
        let variables = variables(&paths, &args.env_file)?;
        let mut read = compose::read(&texts, &variables, &args.profiles);
        read.declared.target = args.target_os;
        match &table {
            Some(Ok(table)) => look_up_shares(&mut read, table, &paths),
            Some(Err(gap)) => read.gaps.push(gap.clone()),
            None => {}
        }
        let malformed = read.malformed.iter();
        failures.extend(malformed.map(|malformed| format!("{}: {}", malformed.location, malformed.why)));
        let mut judged = rules::judge_declared(&read.declared, rules::ALL, |rule| context.chosen(rule));
        silence::findings(&mut judged, |file| {
            texts.iter().find(|(name, _)| name == file).map(|(_, text)| text.as_slice())
        });
        judged.not_checked.extend(read.gaps.into_iter().map(|gap| NotChecked { code: None, gap }));
        patches.extend(if args.diff { patched(&judged, &texts) } else { vec![] });
        let is_malformed =
            |file: &[u8]| read.malformed.iter().any(|malformed| malformed.location.file == file);
        for (file, _) in texts.iter().filter(|(file, _)| !is_malformed(file)) {
            let own = judged.findings.iter().filter(|finding| finding.subject.name == *file);
            let verdict = overall(own.map(|finding| finding.severity).max(), judged.error_left_out);
            let of_file = |location: &crate::model::Location| location.file == *file;
            let services = read.declared.composition.iter().flat_map(|composition| &composition.services);
            let services = services.filter(|service| of_file(&service.written.location)).count();
            let sockets =
                read.declared.sockets.iter().filter(|socket| of_file(&socket.written.location)).count();
            files.push(CheckedFile { file: file.clone(), verdict, services, sockets });
        }
        answer.judgement.absorb(judged);
    }
    if let [first, others @ ..] = failures.as_slice() {
        let failure = |message: &String| Failure { message: message.clone(), hint: None };
        for message in others {
            complain(&failure(message));
        }
        let gaps = others.iter().map(|message| Gap::new(message.as_str(), "not checked"));
        answer.judgement.not_checked.extend(gaps.map(|gap| NotChecked { code: None, gap }));
        answer.refusal = Some(Refusal { status: crate::exit::USAGE, failure: failure(first) });
    }
    answer.subjects = files.len();
    answer.data = Data::Compose { files, patch: args.diff.then(|| patches.concat()) };
    Ok(answer)
}

/// Files of one directory belong together, in the order they were given.
fn projects(files: &[PathBuf]) -> Vec<Vec<&Path>> {
    let mut projects: Vec<Vec<&Path>> = Vec::new();
    for file in files {
        match projects
            .iter_mut()
            .find(|known| known.first().is_some_and(|first| first.parent() == file.parent()))
        {
            Some(project) => project.push(file),
            None => projects.push(vec![file]),
        }
    }
    projects
}

/// Those that can be read.
fn texts(paths: &[&Path], failures: &mut Vec<String>) -> Vec<Text> {
    let mut texts = Vec::new();
    for path in paths {
        match config_files::one(path) {
            Ok(text) => texts.push((path.as_os_str().as_bytes().to_vec(), text)),
            Err(why) => failures.push(format!("{}: {why}", path.display())),
        }
    }
    texts
}

/// Of the files that were named, or of the one that Compose reads by itself, and of the shell.
/// <https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md>
fn variables(paths: &[&Path], named: &[PathBuf]) -> Result<Variables, Refusal> {
    let mut variables = Variables::default();
    for path in named {
        let text = config_files::one(path).map_err(|why| {
            Refusal::usage(format!("{}: {why}", path.display()), "give --env-file a file that can be read")
        })?;
        variables.read(&text);
    }
    let beside = paths.first().map(|first| first.with_file_name(".env")).filter(|_| named.is_empty());
    if let Some(text) = beside.and_then(|path| config_files::one(&path).ok()) {
        variables.read(&text);
    }
    variables.take(process::own_environment());
    Ok(variables)
}

/// Which directories of the host lie on another kernel's files, or on those of a process.
fn look_up_shares(read: &mut compose::Read, table: &MountTable, paths: &[&Path]) {
    let hosts = compose::host_directories(&read.declared);
    let Some(composition) = &mut read.declared.composition else { return };
    let here = process::own_directory();
    for host in hosts {
        let base = paths.first().and_then(|first| first.parent()).unwrap_or(Path::new(""));
        let path = Path::new(std::ffi::OsStr::from_bytes(&here)).join(base).join(&host);
        // What `~` stands for is the engine's to know, and what a variable does that is not set, its user's.
        let known = !host.starts_with(['~', '$']);
        let Some(mount) = mounts::showing(table, &lexical(&path)).filter(|_| known) else {
            continue;
        };
        if matches!(mount.class(), MountClass::Fuse | MountClass::Foreign) {
            composition.shared.push((host, mount.fstype.clone()));
        }
    }
}

/// Without `.` and `..`, as if no component were a link.
fn lexical(path: &Path) -> Vec<u8> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            std::path::Component::ParentDir => drop(clean.pop()),
            std::path::Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean.into_os_string().into_encoded_bytes()
}

/// The fixes of each file.
fn patched(judged: &Judgement, texts: &[Text]) -> Vec<Vec<u8>> {
    let fixes = judged.findings.iter().flat_map(|finding| &finding.fixes);
    let edits: Vec<&Edit> = fixes.flat_map(|fix| &fix.edits).collect();
    let of_file = |(file, text): &Text| {
        let own: Vec<&Edit> = edits.iter().copied().filter(|edit| edit.file == *file).collect();
        patch::unified(file, std::str::from_utf8(text).ok()?, &own)
    };
    texts.iter().filter_map(of_file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRONG: &str = include_str!("../../fixtures/compose/s4-host-path.yml");
    const OTHER: &str = include_str!("../../fixtures/compose/sub-paths.yml");

    #[test]
    fn files_of_one_directory_are_one_project() {
        let files = ["a/1.yml", "b/1.yml", "a/2.yml", "1.yml"].map(PathBuf::from);
        let found = projects(&files);
        let found: Vec<Vec<&str>> =
            found.iter().map(|paths| paths.iter().map(|path| path.to_str().unwrap()).collect()).collect();
        assert_eq!(found, [vec!["a/1.yml", "a/2.yml"], vec!["b/1.yml"], vec!["1.yml"]]);
        assert_eq!(lexical(Path::new("/a/./b/../c/../../d")), b"/d");
    }

    proptest::proptest! {
        #[test]
        fn no_change_of_a_file_makes_it_panic(
            at in 0usize..600,
            length in 0usize..40,
            new in "(\n| {1,4}|- |: |:|\\[|\\]|\\{|\\}|&a |\\*a|/run/x.sock|image: postgres|read_only: true|é|\\$\\{){0,6}",
        ) {
            for text in [WRONG, OTHER] {
                let (start, end) = (at.min(text.len()), (at + length).min(text.len()));
                let text = format!("{}{new}{}", &text[..start], &text[end..]);
                let texts = vec![(b"f".to_vec(), text.into_bytes())];
                let read = compose::read(&texts, &Variables::default(), &[]);
                let judged = rules::judge_declared(&read.declared, rules::ALL, |_| true);
                let _ = patched(&judged, &texts);
            }
        }
    }
}
