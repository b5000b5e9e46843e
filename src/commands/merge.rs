//! `merge`: the reports of many hosts as one.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Answer, Refusal, outputs};
use crate::cli::MergeArgs;
use crate::facts::report_file;
use crate::model::{Data, Gap, Merged, NotChecked};
use crate::report::style::escape;

pub(super) fn run(args: &MergeArgs) -> Result<Answer, Refusal> {
    let (mut merged, mut answer) = (Merged::default(), Answer::nothing());
    let (mut text, mut taken) = (Vec::new(), HashSet::new());
    let mut malformed: Vec<String> = Vec::new();
    // A pattern and a name beside it may mean one file.
    let mut merged_files = HashSet::new();
    for file in args.files.iter().filter(|file| merged_files.insert(file.as_path())) {
        let name = host(file, &mut taken);
        let read = report_file::read(file, &mut text).map_err(|error| outputs::reason(&error));
        let gap = match read.and_then(|()| merged.add(name.clone(), &text)) {
            Ok(None) => continue,
            Ok(Some(failure)) => Gap::new(name, format!("its own run failed: {failure}")),
            Err(why) => {
                malformed.push(shown(file));
                Gap::new(shown(file), format!("not merged: {why}"))
            }
        };
        answer.judgement.not_checked.push(NotChecked { code: None, gap });
    }
    merged.finish();
    if !malformed.is_empty() {
        let message =
            format!("{} of {} files no report: {}", malformed.len(), merged_files.len(), some(&malformed));
        answer.refusal =
            Some(Refusal::usage(message, "a report is what `sockdoctor scan --json -o FILE` writes"));
    }
    (answer.subjects, answer.worst) = (merged.hosts.len(), merged.worst());
    answer.data = Data::Merged(merged);
    Ok(answer)
}

/// A host is called after its file; where another file has that name, by the whole path.
fn host(file: &Path, taken: &mut HashSet<PathBuf>) -> String {
    let stem = file.file_stem().map_or_else(|| file.to_owned(), PathBuf::from);
    let name = if taken.insert(stem.clone()) { stem } else { file.to_owned() };
    shown(&name)
}

fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}

fn some(names: &[String]) -> String {
    match names {
        [one, two, three, rest @ ..] if !rest.is_empty() => {
            format!("{one}, {two}, {three} and {} more", rest.len())
        }
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_names_of_their_own() {
        let mut taken = HashSet::new();
        let names = ["a/web1.json", "b/web1.json", "web.example.org.json", "db"]
            .map(|file| host(Path::new(file), &mut taken));
        assert_eq!(names, ["web1", "b/web1.json", "web.example.org", "db"]);
        assert_eq!(some(&["a", "b", "c", "d"].map(String::from)), "a, b, c and 1 more");
    }
}
