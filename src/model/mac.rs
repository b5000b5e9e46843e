//! What is known of mandatory access control (SELinux, AppArmor): it may forbid what permissions allow.

use super::Fact;

/// A denial in the audit log that names this socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Who denied it: `SELinux` or `AppArmor`.
    pub module: MacModule,
    /// What was denied: `connectto`, `write`, `connect`.
    pub operation: Vec<u8>,
    /// Who was: the security context or the profile.
    pub subject: Vec<u8>,
    /// The context of the socket or of its file, where there is one.
    pub object: Option<Vec<u8>>,
    /// The command of the record, at most 15 bytes chosen by the program.
    pub command: Vec<u8>,
    /// Its pid.
    pub pid: Option<u32>,
    /// The file it stands in.
    pub log: String,
    /// The record as it was written.
    pub record: Vec<u8>,
}

/// A security module that can deny a connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacModule {
    /// SELinux
    Selinux,
    /// AppArmor
    Apparmor,
    /// Another one.
    Other,
}

impl MacModule {
    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Selinux => "SELinux",
            Self::Apparmor => "AppArmor",
            Self::Other => "another security module",
        }
    }
}

/// What is known of it for one consumer and one socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mac {
    /// Active modules that could deny it.
    pub modules: Fact<Vec<MacModule>>,
    /// SELinux denies, rather than only logging.
    pub enforcing: Option<bool>,
    /// The consumer's context or profile.
    pub label: Option<Vec<u8>>,
    /// Records that name this socket, newest first. Asked for where a module is active.
    pub denials: Fact<Vec<Denial>>,
}

impl Mac {
    /// `none`, `not_evaluated` or `denied_by_record`.
    pub fn word(&self) -> &'static str {
        let denied = self.denials.known().is_some_and(|denials| !denials.is_empty());
        match &self.modules {
            _ if denied => "denied_by_record",
            Fact::Known(modules) if modules.is_empty() => "none",
            Fact::NotAsked => "none",
            Fact::Known(_) | Fact::Unknown(_) => "not_evaluated",
        }
    }
}
