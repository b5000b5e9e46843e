//! What `clean` prints of each candidate: what is done with it, by which proof, or why it is left alone.

use std::io::{self, Write};

use super::Loudness;
use super::style::{Style, escape};
use super::text::{labelled, plural};
use crate::model::{Candidate, CleanState};

/// `would remove /run/x.sock`
pub(super) fn headline(candidate: &Candidate) -> String {
    let leftover = if candidate.leftover { " (left by a removal that was cut short)" } else { "" };
    let path = escape(&candidate.path);
    match &candidate.state {
        CleanState::Aside(aside) => format!("left aside  {path}  as {}", escape(aside)),
        state => format!("{}  {path}{leftover}", state.says()),
    }
}

/// The lines below it, each with its label.
pub(super) fn details(candidate: &Candidate) -> Vec<(&'static str, String)> {
    let proof = candidate.proof.iter().enumerate().map(|(number, proof)| {
        let label = if number == 0 { "proof" } else { "" };
        (label, format!("{}: {}", escape(&proof.source), escape(&proof.detail)))
    });
    let why = candidate.why.as_ref().map(|why| ("why", escape(why.as_bytes())));
    let command = candidate.command.as_ref().map(|command| ("by hand", escape(command)));
    proof.chain(why).chain(command).collect()
}

/// How many of what, and whether anything was changed.
pub(super) fn outcome(candidates: &[Candidate], applied: bool) -> String {
    let count = |wanted: fn(&CleanState) -> bool| candidates.iter().filter(|one| wanted(&one.state)).count();
    let stale = count(|state| *state == CleanState::Stale);
    if !applied {
        let add = if stale == 0 { "" } else { "; --apply removes what is proven" };
        return format!("{} proven stale, nothing changed{add}", plural(stale, "file"));
    }
    let removed = count(|state| *state == CleanState::Removed);
    let not = count(|state| matches!(state, CleanState::Failed(_) | CleanState::Aside(_)));
    let [mut not, mut left] = [(not, "not removed"), (stale, "not come to")]
        .map(|(count, what)| if count == 0 { String::new() } else { format!(", {count} {what}") });
    not.push_str(&std::mem::take(&mut left));
    format!("{} removed{not}", plural(removed, "file"))
}

/// Writes all of it for people.
pub(super) fn render(
    candidates: &[Candidate],
    applied: bool,
    style: &Style,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    for candidate in candidates {
        writeln!(out, "{}", headline(candidate))?;
        if loudness > Loudness::Quiet {
            details(candidate).iter().try_for_each(|(label, line)| labelled(style, label, line, out))?;
        }
    }
    if loudness > Loudness::Quiet { writeln!(out, "{}", outcome(candidates, applied)) } else { Ok(()) }
}

/// `state path why command`
pub(super) fn render_plain(candidates: &[Candidate], out: &mut dyn Write) -> io::Result<()> {
    candidates.iter().try_for_each(|candidate| {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let why = or_dash(candidate.why.as_ref().map(|why| escape(why.as_bytes())));
        let command = or_dash(candidate.command.as_deref().map(escape));
        writeln!(out, "{}\t{}\t{why}\t{command}", candidate.state.word(), escape(&candidate.path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(state: CleanState) -> Candidate {
        Candidate::new(b"/run/x\n.sock".to_vec(), state)
    }

    #[test]
    fn a_line_says_what_is_done_and_escapes_what_strangers_chose() {
        assert_eq!(headline(&candidate(CleanState::Stale)), "would remove  /run/x\\x0a.sock");
        let aside = candidate(CleanState::Aside(b"/run/\x1b".to_vec()));
        assert_eq!(headline(&aside), "left aside  /run/x\\x0a.sock  as /run/\\x1b");
    }

    #[test]
    fn the_outcome_counts_what_was_changed() {
        let all = [CleanState::Stale, CleanState::Removed, CleanState::Failed(1), CleanState::Alive];
        let all = all.map(candidate);
        assert_eq!(
            outcome(&all[..1], false),
            "1 file proven stale, nothing changed; --apply removes what is proven"
        );
        assert_eq!(outcome(&all[3..], false), "0 files proven stale, nothing changed");
        assert_eq!(outcome(&all, true), "1 file removed, 1 not removed, 1 not come to");
    }
}
