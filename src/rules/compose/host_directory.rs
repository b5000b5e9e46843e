//! A directory of the host for sockets.

use super::{Files, directory, edits, files, is_for_sockets, seen};
use crate::model::{
    BoundMount, Certainty, Composition, Declared, Evidence, Finding, Fix, MountSource, Rule, Service,
    Severity, TargetOs, Usage,
};

/// Everything a project mounts of one directory of the host, for sockets.
struct Shared<'c> {
    host: String,
    mounts: Vec<(&'c Service, &'c BoundMount)>,
    certain: bool,
}

pub(in super::super) fn findings(
    rule: &Rule,
    declared: &Declared,
    composition: &Composition,
) -> Vec<Finding> {
    let found = directories(declared, composition);
    found.iter().filter_map(|shared| shared.finding(rule, declared, composition)).collect()
}

fn directories<'c>(declared: &Declared, composition: &'c Composition) -> Vec<Shared<'c>> {
    let mut found: Vec<Shared<'c>> = Vec::new();
    for service in &composition.services {
        for mount in &service.mounts {
            let Some(certain) = is_for_sockets(declared, service, mount) else { continue };
            let Some(Files::Host(host)) = files(composition, mount, &seen(&mount.target)) else { continue };
            match found.iter_mut().find(|shared| shared.host == host) {
                Some(shared) => {
                    shared.mounts.push((service, mount));
                    shared.certain |= certain;
                }
                None => found.push(Shared { host, mounts: vec![(service, mount)], certain }),
            }
        }
    }
    found
}

impl Shared<'_> {
    fn finding(&self, rule: &Rule, declared: &Declared, composition: &Composition) -> Option<Finding> {
        let other_kernel = match declared.target {
            Some(os @ (TargetOs::Macos | TargetOs::Windows)) => Some(format!(
                "on {} containers run in a virtual machine, and its view of the host's files takes no sockets \
                 (9p, virtiofs)",
                os.word()
            )),
            _ => None,
        };
        let on_share = composition.shared.iter().find(|(host, _)| *host == self.host);
        // A server of the host itself has its directory there: on one kernel that is how it is done.
        let of_the_host = self.is_for_the_hosts_server(declared);
        if other_kernel.is_none() && on_share.is_none() && of_the_host {
            return None;
        }
        let severe = other_kernel.is_some() || on_share.is_some();
        let certainty = if self.certain { Certainty::Certain } else { Certainty::Likely };
        let (_, first) = self.mounts.first()?;
        let summary = format!("{} of the host is the directory of a socket: {}.", self.host, self.users());
        let mut finding = rule.finding_at(&first.written, certainty, summary);
        for (_, mount) in &self.mounts[1..] {
            finding = finding.written_at(&mount.written);
        }
        if let Some((host, fstype)) = on_share {
            finding = finding.proven_by([Evidence::new("mountinfo", format!("{host} is on {fstype}"))]);
        }
        let severity = if severe { Severity::Error } else { Severity::Warning };
        let cause = other_kernel.unwrap_or_else(|| match on_share {
            Some((_, fstype)) => format!("what {fstype} does with a socket is up to its server"),
            None => "it works where host and containers have one kernel, and nowhere else".into(),
        });
        let fix = if of_the_host {
            Fix::advice("its server as a service of this project with a named volume, or TCP")
        } else {
            self.fix(composition)
        };
        Some(finding.as_severe_as(severity).caused_by(&cause).fixed_by([fix]))
    }

    fn users(&self) -> String {
        let names: Vec<&str> = self.mounts.iter().map(|(service, _)| service.name.as_str()).collect();
        format!("mounted by {}", names.join(", "))
    }

    /// Whether everybody here is known to be a client.
    fn is_for_the_hosts_server(&self, declared: &Declared) -> bool {
        self.mounts.iter().all(|(service, mount)| {
            let target = seen(&mount.target);
            let mut here = declared.sockets.iter().filter(|socket| {
                socket.owner == service.name && super::below(&directory(socket), &target).is_some()
            });
            let first = here.next();
            first.is_some_and(|socket| socket.usage == Usage::Connects)
                && here.all(|s| s.usage == Usage::Connects)
        })
    }

    /// A named volume in its place.
    fn fix(&self, composition: &Composition) -> Fix {
        let target = self.mounts.first().map_or("", |(_, mount)| mount.target.as_str());
        let name = edits::volume_name(target);
        let text =
            format!("a named volume, {name}, in each of these services: it is in the containers' own kernel");
        let direct = |mount: &BoundMount| matches!(mount.source, MountSource::Host(_));
        let replaced: Option<Vec<_>> = self
            .mounts
            .iter()
            .map(|(_, mount)| edits::named(mount, &name).filter(|_| direct(mount)))
            .collect();
        match replaced.zip(edits::new_volume(composition, &name)) {
            Some((replaced, new)) => Fix::edit(text, replaced.into_iter().flatten().chain(new)),
            None => Fix::advice(text),
        }
    }
}
