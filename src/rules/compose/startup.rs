//! Clients that are started before the server is ready.

use super::met;
use crate::model::{Certainty, Composition, Declared, Finding, Fix, Protocol, Rule, Usage};

pub(in super::super) fn findings(
    rule: &Rule,
    declared: &Declared,
    composition: &Composition,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut told: Vec<(&str, &str)> = Vec::new();
    let pairs = met(declared, composition);
    for pair in pairs.iter().filter(|pair| pair.client.usage == Usage::Connects) {
        let (client, server) = (&pair.client.owner, &pair.server.owner);
        if told.contains(&(client, server)) {
            continue;
        }
        told.push((client, server));
        let (Some(one), Some(other)) = (composition.service(client), composition.service(server)) else {
            continue;
        };
        let dependency = one.dependencies.iter().find(|dependency| dependency.service == other.name);
        let waits = dependency.is_some_and(|dependency| dependency.until_ready);
        if waits && other.healthcheck {
            continue;
        }
        let (written, summary) = match (waits, dependency) {
            (true, _) => (
                &other.written,
                format!("{client} waits until {server} is healthy, and {server} has no healthcheck."),
            ),
            (false, Some(dependency)) => (
                &dependency.written,
                format!(
                    "{client} is started when {server} has begun to start, not when its socket is there."
                ),
            ),
            (false, None) => {
                (&pair.client.written, format!("{client} does not wait for {server}, whose socket it needs."))
            }
        };
        let mut finding = rule.finding_at(written, Certainty::Certain, summary);
        if !waits {
            let text = format!("in {client}: depends_on: {{ {server}: {{ condition: service_healthy }} }}");
            finding = finding.fixed_by([Fix::advice(text)]);
        }
        if !other.healthcheck {
            let test = match pair.server.protocol {
                Some(Protocol::Postgres) => {
                    format!("pg_isready -h {}", String::from_utf8_lossy(pair.server.place()))
                }
                Some(Protocol::Mysql) => "mysqladmin ping --protocol=socket".into(),
                _ => format!("sockdoctor wait --once -q {}", String::from_utf8_lossy(&pair.server.path)),
            };
            finding =
                finding.fixed_by([Fix::advice(format!("in {server}: healthcheck: {{ test: {test} }}"))]);
        }
        found.push(finding);
    }
    found
}
