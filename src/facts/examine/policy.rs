//! What the kernel is set to that decides over every path: read once for all of them.

use super::Examiner;
use crate::facts::{sight, sysctl};
use crate::model::{Fact, Security};

/// See the module.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The security modules.
    pub security: Security,
    /// `fs.protected_symlinks` (proc(5)). `NotAsked`: no kernel is looked at.
    pub protected_symlinks: Fact<bool>,
}

impl Examiner<'_> {
    /// As it was when it was asked for first.
    pub fn policy(&mut self) -> &Policy {
        let machine = self.machine;
        self.policy.get_or_insert_with(|| Policy {
            security: sight::security(machine),
            protected_symlinks: if machine.has_kernel() {
                let protected = sysctl(machine, "fs/protected_symlinks");
                protected.map_or_else(Fact::Unknown, |value| Fact::Known(value != 0))
            } else {
                Fact::NotAsked
            },
        })
    }
}
