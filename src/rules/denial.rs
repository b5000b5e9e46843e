//! Records of mandatory access control as findings, the same for each module.

use super::quote;
use crate::model::{Case, Certainty, Denial, Evidence, Finding, Fix, MacModule, NoVerdict, Rule, Verdict};

/// One finding, for the newest record of this module that names the socket.
pub(super) fn findings(case: &Case, module: MacModule, rule: &'static Rule) -> Verdict {
    let access = case.accesses.first().ok_or(NoVerdict::NotApplicable)?;
    if !access.mac.modules.get()?.contains(&module) {
        return Err(NoVerdict::NotApplicable);
    }
    let denials = access.mac.denials.get()?;
    let newest = denials.iter().find(|denial| denial.module == module);
    Ok(newest.map(|denial| finding(case, rule, denial)).into_iter().collect())
}

fn finding(case: &Case, rule: &'static Rule, denial: &Denial) -> Finding {
    let who = String::from_utf8_lossy(&denial.subject).into_owned();
    let pid = denial.pid.map(|pid| format!(" (pid {pid} then)")).unwrap_or_default();
    let command = String::from_utf8_lossy(&denial.command).into_owned();
    let operation = String::from_utf8_lossy(&denial.operation).into_owned();
    let summary = format!("{} denied {command}{pid}, as {who}, to {operation} here.", denial.module.word());
    let fixes = match denial.module {
        MacModule::Selinux => vec![
            Fix::look("ausearch -m AVC -ts recent | audit2why", "let the policy explain the record"),
            Fix::change(
                quote::command("restorecon -v", &case.path),
                "if the file has the wrong label (ls -Z)",
            ),
        ],
        _ => vec![Fix::advice(format!(
            "allow the path in the profile {who}, then reload it (apparmor_parser -r)"
        ))],
    };
    rule.finding(case, Certainty::Certain, summary)
        .proven_by([Evidence::new(denial.log.as_str(), denial.record.as_slice())])
        .proven_by(
            denial
                .object
                .as_ref()
                .map(|object| Evidence::new("context of the other side", object.as_slice())),
        )
        .fixed_by(fixes)
}

#[cfg(test)]
pub(super) fn sample(module: MacModule) -> Case {
    use crate::model::{Consumer, Fact, Mac};
    let mut case = Case::sample_before(Consumer::sample(33, &[]), 0o755, 0o666);
    let denial = Denial {
        module,
        operation: b"connectto".to_vec(),
        subject: b"system_u:system_r:httpd_t:s0".to_vec(),
        object: None,
        command: b"nginx".to_vec(),
        pid: Some(812),
        log: "/var/log/audit/audit.log".into(),
        record: b"type=AVC ...".to_vec(),
    };
    case.accesses[0].mac = Mac {
        modules: Fact::Known(vec![module]),
        enforcing: Some(true),
        label: None,
        denials: Fact::Known(vec![denial]),
    };
    case
}
