//! SD610: a unit may not make Unix sockets at all.

use super::configured;
use crate::model::{Case, Certainty, Fix, NoVerdict, Usage, Verdict};

rule! {
    /// The sandbox of a unit forbids Unix sockets, which its server or client needs.
    ///
    /// # What it means
    /// RestrictAddressFamilies= without AF_UNIX has socket(2) answer EAFNOSUPPORT (97): "Address family not supported
    /// by protocol". The program can neither bind nor connect.
    ///
    /// # How it is known
    /// From the unit files, drop-ins included: what the unit runs names a Unix socket, and the families it may use leave
    /// AF_UNIX out.
    ///
    /// # Not to be confused with
    /// A service that gets its listener from a .socket unit: PID 1 made that.
    ///
    /// # Fix
    /// Add AF_UNIX to RestrictAddressFamilies= and restart the unit.
    AF_UNIX_RESTRICTED = "SD610", "af-unix-restricted", Error
}

fn check(case: &Case) -> Verdict {
    let configured = &case.configured;
    if configured.units.is_empty() {
        return Err(NoVerdict::NotApplicable);
    }
    let mut findings = Vec::new();
    for mention in &configured.mentions {
        let Some(unit) = configured.unit(&mention.owner) else { continue };
        let Some(families) = &unit.without_unix else { continue };
        let passed =
            configured.socket_unit().is_some_and(|socket| socket.service.as_ref() == Some(&unit.name));
        if passed && mention.usage == Usage::Binds {
            continue;
        }
        let (name, what) = (&unit.name, if mention.usage == Usage::Connects { "connect to" } else { "bind" });
        let path = configured::path(&case.path);
        let summary = format!("{name} may not make Unix sockets, and is to {what} {path}.");
        let finding = AF_UNIX_RESTRICTED.finding(case, Certainty::Certain, summary);
        let edit = format!(
            "mkdir -p /etc/systemd/system/{name}.d && printf '[Service]\\nRestrictAddressFamilies=AF_UNIX\\n' > \
             /etc/systemd/system/{name}.d/unix.conf && systemctl daemon-reload && systemctl restart {name}"
        );
        let fix = if families.value.starts_with(b"~") {
            Fix::advice("take AF_UNIX out of the families that are denied, and restart the unit")
        } else {
            Fix::change(edit, "allow AF_UNIX too")
        };
        findings.push(finding.written_at(&families.written).written_at(&mention.written).fixed_by([fix]));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Declaration, Setting, Unit, Written};

    fn restricted(without: bool) -> Case {
        let mut case = Case::sample();
        let families = Setting { value: b"AF_INET".to_vec(), written: Written::sample() };
        let own = Declaration {
            owner: "app.service".into(),
            usage: Usage::Binds,
            ..Declaration::sample("/tmp/x.sock")
        };
        case.configured.mentions = vec![own];
        case.configured.units =
            vec![Unit { without_unix: Some(families).filter(|_| without), ..Unit::sample_service() }.into()];
        case
    }

    #[test]
    fn fires_on_a_server_that_is_to_bind() {
        assert_eq!(check(&restricted(true)).unwrap()[0].code, "SD610");
    }

    #[test]
    fn silent_where_it_is_allowed_or_passed() {
        assert_eq!(check(&restricted(false)), Ok(vec![]));
        let mut passed = restricted(true);
        let socket = Unit::sample();
        passed.configured.mentions.extend(socket.sockets.clone());
        passed.configured.units.push(socket.into());
        assert_eq!(check(&passed), Ok(vec![]));
    }

    #[test]
    fn not_applicable_without_units() {
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }
}
