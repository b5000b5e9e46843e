//! SD611: something removes the socket's file without asking whether it lives.

use crate::model::{Case, Certainty, Fix, NoVerdict, Verdict};

rule! {
    /// A unit removes the socket's file before it starts, or when its start fails, alive or not.
    ///
    /// # What it means
    /// `ExecStartPre=rm` of a path that another unit listens on leaves that one alive and out of reach. uvicorn (0.30
    /// and later) with several workers or --reload removes the file of the server that runs when a second one is
    /// started on its path and fails.
    ///
    /// # How it is known
    /// From the unit files. Whether it does harm shows only when it happens: `sockdoctor watch` sees who removes it.
    ///
    /// # Not to be confused with
    /// `ExecStartPre=-/bin/rm -f` in the only unit that has the path.
    ///
    /// # Fix
    /// One owner for a path, and no removal by name; better, a .socket unit that listens.
    UNSAFE_PRE_DELETE = "SD611", "unsafe-pre-delete", Warning
}

fn check(case: &Case) -> Verdict {
    let configured = &case.configured;
    if configured.units.is_empty() {
        return Err(NoVerdict::NotApplicable);
    }
    let mut findings = Vec::new();
    for unit in &configured.units {
        let name = &unit.name;
        let others: Vec<&str> =
            configured.servers().map(|server| server.owner.as_str()).filter(|owner| owner != name).collect();
        if let (Some(deleted), Some(other)) =
            (unit.deletes.iter().find(|deleted| same(case, &deleted.value)), others.first())
        {
            let summary = format!("{name} removes the socket of {other} before it starts.");
            let finding = UNSAFE_PRE_DELETE.finding(case, Certainty::Likely, summary);
            let fix = Fix::advice(format!("take the removal out of {name}: the path is not its own"));
            findings.push(finding.written_at(&deleted.written).fixed_by([fix]));
        }
        if let Some(fragile) = unit.fragile.as_ref().filter(|_| configured.binds(unit)) {
            let summary = format!("A second start of what {name} runs removes the socket of the first.");
            let finding = UNSAFE_PRE_DELETE.finding(case, Certainty::Likely, summary);
            let text = format!(
                "never start `{}` on this path beside {name}; or use gunicorn, or a .socket unit with --fd",
                fragile.value
            );
            findings.push(finding.written_at(&fragile.written).fixed_by([Fix::advice(text)]));
        }
    }
    Ok(findings)
}

fn same(case: &Case, path: &[u8]) -> bool {
    case.path == path || case.walk.known().is_some_and(|walk| walk.destination() == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Declaration, Setting, Unit, Usage, Written};

    fn removed_by_service(listener: &str) -> Case {
        let mut case = Case::sample();
        let deleted = Setting { value: b"/tmp/x.sock".to_vec(), written: Written::sample() };
        let service = Unit { deletes: vec![deleted], ..Unit::sample_service() };
        let own =
            Declaration { owner: listener.into(), usage: Usage::Binds, ..Declaration::sample("/tmp/x.sock") };
        case.configured.mentions = vec![own];
        case.configured.units = vec![service.into()];
        case
    }

    #[test]
    fn fires_where_another_unit_listens() {
        assert_eq!(check(&removed_by_service("app.socket")).unwrap()[0].code, "SD611");
    }

    #[test]
    fn silent_in_the_sole_owner() {
        assert_eq!(check(&removed_by_service("app.service")), Ok(vec![]));
    }

    #[test]
    fn not_applicable_without_units() {
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }
}
