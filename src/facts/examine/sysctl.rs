//! Settings of which each network namespace has its own.

use super::Examiner;
use crate::facts::{netns, status};
use crate::model::{Gap, NetnsId};

impl Examiner<'_> {
    /// A number below `/proc/sys/net` in a network namespace. Those files tell of the namespace that their reader is in
    /// (`net_ctl_root_lookup`, net/sysctl_net.c).
    pub fn sysctl_in(&mut self, id: NetnsId, name: &str) -> Result<u64, Gap> {
        if self.namespaces.is_empty() {
            self.namespaces = netns::reachable(self.machine, &self.kept).0;
        }
        let (machine, namespaces) = (self.machine, &self.namespaces);
        let namespace = namespaces.iter().find(|namespace| namespace.id == id);
        let unseen = || Gap::new(format!("net:[{}]", id.0), "this network namespace cannot be entered");
        netns::inside(namespace.ok_or_else(unseen)?, || status::sysctl(machine, name))?
    }
}
