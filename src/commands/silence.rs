//! Findings that the files they point at take back.

use crate::config::silenced;
use crate::rules::Judgement;

/// Takes them out, and counts them. `text` gives the text of a file that was read.
pub(super) fn findings<'t>(judged: &mut Judgement, text: impl Fn(&[u8]) -> Option<&'t [u8]>) {
    let before = judged.findings.len();
    judged.findings.retain(|finding| {
        !finding.locations.iter().any(|at| {
            let text = text(&at.file).map(String::from_utf8_lossy);
            text.is_some_and(|text| silenced::is(&text, at.line, finding.code))
        })
    });
    judged.suppressed += before - judged.findings.len();
}
