//! `explain`: what a code, an errno or a pasted error text means.

use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use super::{Answer, Refusal};
use crate::cli::ExplainArgs;
use crate::model::{
    Data, ExplainKind, ExplainedCause, ExplainedErrno, ExplainedRule, Explanation, Rule, TextFamily,
};
use crate::rules;
use crate::symptoms::{self, FAMILIES, Meaning};

/// More than a person pastes; a whole log is not one question.
const MOST: usize = 16 << 20;

/// Where a refusal points.
const LIST: &str = "`sockdoctor explain --list` names all that are known";

pub(super) fn run(args: &ExplainArgs) -> Result<Answer, Refusal> {
    if args.list {
        let rules: Vec<ExplainedRule> = rules::ALL.iter().map(|rule| shown(rule)).collect();
        return Ok(answer(rules.len(), Data::Explainable { rules, texts: texts() }));
    }
    let text = match args.words.as_slice() {
        [only] if only == "-" => pasted()?,
        words => words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>().join(&b' '),
    };
    let explanation = explain(text.trim_ascii())?;
    Ok(answer(1, Data::Explained(Box::new(explanation))))
}

fn answer(subjects: usize, data: Data) -> Answer {
    Answer { data, subjects, ..Answer::nothing() }
}

fn pasted() -> Result<Vec<u8>, Refusal> {
    let mut text = Vec::new();
    let most = u64::try_from(MOST).unwrap_or(u64::MAX);
    std::io::stdin().take(most + 1).read_to_end(&mut text).map_err(|error| {
        Refusal::usage(format!("standard input could not be read: {error}"), "give the text as an argument")
    })?;
    if text.len() > MOST {
        return Err(Refusal::usage(
            "standard input is longer than 16 MiB",
            "give only the lines around the error",
        ));
    }
    Ok(text)
}

fn explain(text: &[u8]) -> Result<Explanation, Refusal> {
    if text.is_empty() {
        return Err(Refusal::usage("there is nothing to explain", "give a code, an errno or an error text"));
    }
    let word = std::str::from_utf8(text).ok().filter(|text| !text.contains(char::is_whitespace));
    if let Some(word) = word {
        if let Some(rule) = rules::find(word) {
            return Ok(of_rule(rule));
        }
        if let Some(number) = errno(word) {
            return symptoms::of_errno(number)
                .map(|meaning| of_meaning(ExplainKind::Errno, meaning))
                .ok_or_else(|| {
                    Refusal::open(format!("Linux has no errno {number}"), "give the whole error text")
                });
        }
        if is_code(word) || is_name(word) {
            return Err(Refusal::usage(format!("no rule {word}"), nearest(word)));
        }
    }
    symptoms::recognise(text).map(|meaning| of_meaning(ExplainKind::Text, meaning)).ok_or_else(|| {
        Refusal::open(
            "nothing in this text is known",
            "give the line with the errno or with \"failed\", as the program printed it",
        )
    })
}

/// `111`, `-111`, `ECONNREFUSED`
fn errno(word: &str) -> Option<i32> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let number = (digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok()).flatten();
    number.or_else(|| symptoms::number_of(word))
}

fn is_code(word: &str) -> bool {
    let digits = word.get(..2).filter(|start| start.eq_ignore_ascii_case("sd")).and_then(|_| word.get(2..));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_name(word: &str) -> bool {
    word.contains('-') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn nearest(word: &str) -> String {
    let near = rules::ALL.iter().map(|rule| (strsim::damerau_levenshtein(word, rule.name), rule));
    match near.min_by_key(|(distance, _)| *distance) {
        Some((1..=3, rule)) => format!("`sockdoctor explain {}` is near it", rule.name),
        _ => LIST.to_owned(),
    }
}

fn shown(rule: &Rule) -> ExplainedRule {
    ExplainedRule { code: rule.code, name: rule.name, severity: rule.severity, text: rule.text() }
}

fn of_rule(rule: &Rule) -> Explanation {
    let rule = shown(rule);
    Explanation {
        kind: ExplainKind::Rule,
        says: rule.summary().to_owned(),
        rule: Some(rule),
        errno: None,
        path: None,
        causes: Vec::new(),
        note: None,
        next: None,
    }
}

fn of_meaning(kind: ExplainKind, meaning: Meaning) -> Explanation {
    let errno = meaning.errno.and_then(|number| {
        Some(ExplainedErrno { number, name: symptoms::name(number)?, words: symptoms::words(number) })
    });
    let name = |code: Option<&str>| code.and_then(rules::find).map(|rule| rule.name);
    let causes = meaning.causes.iter().map(|cause| ExplainedCause {
        call: cause.call,
        code: cause.code,
        name: name(cause.code),
        when: cause.when,
    });
    Explanation {
        kind,
        rule: None,
        errno,
        says: meaning.says,
        causes: causes.collect(),
        note: meaning.note,
        next: meaning.path.as_deref().map(inspect),
        path: meaning.path,
    }
}

/// The command to paste; a relative path can be mistaken neither for an option nor for another kind of target.
fn inspect(path: &[u8]) -> Vec<u8> {
    let here: &[u8] = if path.starts_with(b"/") || path.starts_with(b"@") { b"" } else { b"./" };
    [b"sockdoctor inspect ".as_slice(), &rules::shell_word(&[here, path].concat())].concat()
}

fn texts() -> Vec<TextFamily> {
    let seen = |family: &symptoms::Family| family.symptoms.iter().map(|symptom| symptom.seen).collect();
    FAMILIES.iter().map(|family| TextFamily { name: family.name, texts: seen(family) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_names_and_numbers_are_told_apart() {
        for word in ["SD102", "sd102", "listener-unlinked"] {
            assert!(
                matches!(explain(word.as_bytes()), Ok(found) if found.kind == ExplainKind::Rule),
                "{word}"
            );
        }
        for word in ["111", "-111", "ECONNREFUSED", "econnrefused", "EWOULDBLOCK"] {
            assert!(
                matches!(explain(word.as_bytes()), Ok(found) if found.kind == ExplainKind::Errno),
                "{word}"
            );
        }
        for (word, status) in [
            ("SD999", 2),
            ("sd1", 2),
            ("listener-unlnked", 2),
            ("", 2),
            ("2002", 3),
            ("0", 3),
            ("EPONY", 3),
            ("hello", 3),
        ] {
            assert_eq!(explain(word.as_bytes()).err().map(|refusal| refusal.status), Some(status), "{word}");
        }
        assert!(nearest("listener-unlnked").contains("listener-unlinked"));
    }

    #[test]
    fn the_command_takes_any_path() {
        assert_eq!(inspect(b"/run/x.sock"), b"sockdoctor inspect /run/x.sock");
        assert_eq!(inspect(b"@x"), b"sockdoctor inspect @x");
        assert_eq!(inspect(b"-x"), b"sockdoctor inspect ./-x");
        assert_eq!(inspect(b"inode:7"), b"sockdoctor inspect ./inode:7");
        assert_eq!(inspect(b"/tmp/it's"), br"sockdoctor inspect '/tmp/it'\''s'");
    }
}
