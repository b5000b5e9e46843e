//! A .socket unit and a service that do not fit together: one service for all connections, or one for each.

use super::configured;
use crate::model::{Case, Certainty, Finding, Fix, Rule};

/// The service that the unit would start is not there, and the other kind is.
pub(super) fn mismatch(case: &Case, rule: &'static Rule) -> Option<Finding> {
    let misfit = case.configured.misfit.as_ref()?;
    let (socket, wanted, other) = (&misfit.socket, &misfit.wanted, &misfit.other);
    let (each, setting, change) = if wanted.contains("@.") {
        ("for each connection (Accept=yes)", "Accept=yes", "take Accept=yes out")
    } else {
        (
            "for all connections (Accept=no)",
            "Accept=no",
            "set Accept=yes, if the program takes one connection",
        )
    };
    let summary = format!("{socket} starts {wanted} {each}, and there is only {other}.");
    let certainty = if case.files_only { Certainty::Likely } else { Certainty::Certain };
    let finding = rule.finding(case, certainty, summary).written_at(&misfit.written);
    let rename = format!("{change}; or give {wanted} a file, which takes what {setting} passes");
    let look = Fix::look(configured::systemctl("status", socket), "see that systemd refuses to start it");
    Some(finding.fixed_by([Fix::advice(rename), look]))
}
