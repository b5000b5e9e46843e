//! From a pasted text to what it means: the first line that is known speaks, with the errno and path it names.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexSet};

use super::{Cause, FAMILIES, Symptom, errno, path, pattern, words};
use crate::model::Call;

/// What a text or an errno means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// The errno, if the text has or implies one.
    pub errno: Option<i32>,
    /// The socket's path, as bytes; an abstract name begins with `@`.
    pub path: Option<Vec<u8>>,
    /// What it says about the world.
    pub says: String,
    /// Most likely first.
    pub causes: Vec<Cause>,
    /// The usual mistake.
    pub note: Option<&'static str>,
}

/// How many lines before and after the known one may hold its path or errno.
const AROUND: usize = 3;

struct Index {
    set: RegexSet,
    /// The pattern and symptom of each member of the set.
    members: Vec<(&'static str, &'static Symptom)>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let symptoms = FAMILIES.iter().flat_map(|family| family.symptoms);
    let members: Vec<_> = symptoms
        .flat_map(|symptom| symptom.patterns.iter().map(move |pattern| (*pattern, symptom)))
        .collect();
    Index { set: pattern::set(members.iter().map(|(pattern, _)| *pattern)), members }
});

/// What an errno means, whatever the call.
pub fn of_errno(number: i32) -> Option<Meaning> {
    words::name(number)?;
    let known = errno::find(number);
    let says = known.map_or("No cause of it is peculiar to sockets.", |symptom| symptom.says);
    Some(Meaning {
        errno: Some(number),
        path: None,
        says: says.to_owned(),
        causes: known.map(|symptom| symptom.causes.to_vec()).unwrap_or_default(),
        note: known.and_then(|symptom| symptom.note),
    })
}

/// What a pasted text means; `None` when nothing in it is known.
pub fn recognise(text: &[u8]) -> Option<Meaning> {
    let matched = INDEX.set.matches(text);
    let earliest = matched.iter().filter_map(|member| {
        let (pattern, symptom) = INDEX.members.get(member)?;
        let found = pattern::compiled(&format!("(?i){pattern}")).find(text)?;
        Some((line_at(text, found.start()).start, member, *symptom))
    });
    if let Some((start, _, symptom)) = earliest.min_by_key(|(start, member, _)| (*start, *member)) {
        return Some(of_symptom(symptom, text, start));
    }
    let (line, number) = lines(text).find_map(|line| Some((line, words::errno_in(line)?)))?;
    let start = line.as_ptr() as usize - text.as_ptr() as usize;
    let mut meaning = of_errno(number)?;
    if let Some(call) = call_in(line) {
        meaning.causes.retain(|cause| fits(cause, call));
    }
    meaning.path = path::find(line, around(text, start));
    Some(meaning)
}

fn of_symptom(symptom: &Symptom, text: &[u8], start: usize) -> Meaning {
    let line = &text[line_at(text, start)];
    let near = around(text, start);
    let told = || lines(near).find_map(words::errno_in);
    let number = symptom.errno.or_else(|| words::errno_in(line));
    let number = number.or_else(|| symptom.then.and_then(|_| told()));
    let general = number.and_then(errno::find).filter(|_| symptom.then.is_some());
    let mut says = symptom.says.to_owned();
    if let Some(general) = general.filter(|_| symptom.errno.is_none()) {
        says = format!("{says} {}", general.says);
    }
    let mut causes = symptom.causes.to_vec();
    if let (Some(general), Some(call)) = (general, symptom.then) {
        let further = general.causes.iter().filter(|cause| fits(cause, call));
        let known =
            |code: Option<&str>| code.is_some() && symptom.causes.iter().any(|cause| cause.code == code);
        causes.extend(further.filter(|cause| !known(cause.code)));
    }
    let note = symptom.note.or_else(|| general.and_then(|general| general.note));
    Meaning { errno: number, path: path::find(line, near), says, causes, note }
}

/// Whether a cause can show in a call: what happens while serving shows to both sides.
fn fits(cause: &Cause, call: Call) -> bool {
    cause.call == call || cause.call == Call::Serve
}

static BINDS: LazyLock<Regex> = LazyLock::new(|| pattern::compiled(r"(?i)\b(bind|listen)"));
static CONNECTS: LazyLock<Regex> = LazyLock::new(|| pattern::compiled(r"(?i)\b(connect(?:ing)?\b|dial\b)"));

/// The call that a line of an unknown program names, if it names one alone.
fn call_in(line: &[u8]) -> Option<Call> {
    match (BINDS.is_match(line), CONNECTS.is_match(line)) {
        (true, false) => Some(Call::Bind),
        (false, true) => Some(Call::Connect),
        _ => None,
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

/// The line around a place, without its newline.
fn line_at(text: &[u8], place: usize) -> std::ops::Range<usize> {
    let start = text[..place].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let end =
        text[place..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |newline| place + newline);
    start..end
}

/// The lines next to the one that begins at `start`, and itself.
fn around(text: &[u8], start: usize) -> &[u8] {
    let newlines = |byte: &(usize, &u8)| *byte.1 == b'\n';
    let before = text[..start].iter().enumerate().rev().filter(newlines).nth(AROUND);
    let after = text[start..].iter().enumerate().filter(newlines).nth(AROUND);
    let from = before.map_or(0, |(newline, _)| newline + 1);
    let to = after.map_or(text.len(), |(newline, _)| start + newline);
    &text[from..to]
}
