//! Clients that are started before the server is ready.

use super::{edits, met};
use crate::model::{
    Certainty, Composition, Declaration, Declared, Finding, Fix, Protocol, Rule, Service, Usage,
};

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
            finding = finding.fixed_by([wait_for(one, other)]);
        }
        if !other.healthcheck {
            finding = finding.fixed_by([healthcheck(other, pair.server)]);
        }
        found.push(finding);
    }
    found
}

fn wait_for(client: &Service, server: &Service) -> Fix {
    let text =
        format!("in {}: depends_on: {{ {}: {{ condition: service_healthy }} }}", client.name, server.name);
    let name = &server.name;
    let lines = ["depends_on:".to_owned(), format!("  {name}:"), "    condition: service_healthy".to_owned()];
    let edit = if client.dependencies.is_empty() { edits::new_keys(client, &lines) } else { None };
    edit.map_or_else(|| Fix::advice(&text), |edit| Fix::edit(&text, [edit]))
}

fn healthcheck(server: &Service, socket: &Declaration) -> Fix {
    let test = match socket.protocol {
        Some(Protocol::Postgres) => format!("pg_isready -h {}", String::from_utf8_lossy(socket.place())),
        Some(Protocol::Mysql) => "mysqladmin ping --protocol=socket".into(),
        _ => format!("sockdoctor wait --once -q {}", String::from_utf8_lossy(&socket.path)),
    };
    let advice = format!("in {}: healthcheck: {{ test: {test} }}", server.name);
    // Of the other images it is not known whether they have the program.
    let plain = !test.contains(['"', '\\', '$']);
    let known = socket.protocol == Some(Protocol::Postgres) && plain;
    let lines = ["healthcheck:".to_owned(), format!("  test: [\"CMD-SHELL\", \"{test}\"]")];
    let edit = if known { edits::new_keys(server, &lines) } else { None };
    edit.map_or_else(|| Fix::advice(&advice), |edit| Fix::edit(&advice, [edit]))
}
