//! One finding for what several cases show: a path that several servers connect to, each in its own view.

use crate::model::Finding;

/// Puts findings that say the same of the same subject together, the first with the lines and proof of the others.
pub(super) fn same(findings: Vec<Finding>) -> Vec<Finding> {
    let mut folded: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut places = std::collections::HashMap::new();
    for finding in findings {
        let key = (finding.code, finding.subject.name.clone(), finding.summary.clone());
        let Some(known) = places.get(&key).and_then(|at: &usize| folded.get_mut(*at)) else {
            places.insert(key, folded.len());
            folded.push(finding);
            continue;
        };
        known.severity = known.severity.max(finding.severity);
        known.certainty = known.certainty.max(finding.certainty);
        known.evidence.extend(
            finding.evidence.into_iter().filter(|own| !known.evidence.contains(own)).collect::<Vec<_>>(),
        );
        known.locations.extend(
            finding.locations.into_iter().filter(|own| !known.locations.contains(own)).collect::<Vec<_>>(),
        );
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Evidence, Location};

    #[test]
    fn the_same_is_said_once_with_all_its_lines() {
        let found = |file: &str, summary: &str| {
            let mut finding = crate::rules::ALL[0].finding(
                &crate::model::Case::sample(),
                crate::model::Certainty::Likely,
                summary,
            );
            finding.locations = vec![Location { file: file.into(), line: 1, column: 1 }];
            finding.proven_by([Evidence::new("lstat", "missing")])
        };
        let folded = same(vec![found("a", "one"), found("b", "one"), found("a", "other"), found("a", "one")]);
        let shown: Vec<_> = folded.iter().map(|one| (one.locations.len(), one.evidence.len())).collect();
        assert_eq!(shown, [(2, 1), (1, 1)]);
    }
}
