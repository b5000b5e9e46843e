//! Who wants to connect: an identity and a view.

use std::sync::Arc;

use super::{Credentials, Fact, IdName, NetnsId, Process};

/// How the consumer was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody was named: whoever runs this.
    Caller,
    /// By a user's name or number, as a fresh login or service of that user would be.
    User,
    /// By a running process.
    Process,
    /// By a systemd unit.
    Unit(String),
    /// By a container.
    Container(String),
    /// It is connected now.
    Connected,
}

/// A consumer (client) with its identity and its view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// How it was named.
    pub origin: Origin,
    /// The user it acts as.
    pub user: IdName,
    /// Its primary group.
    pub group: IdName,
    /// Its supplementary groups.
    pub groups: Vec<IdName>,
    /// What the kernel compares.
    pub credentials: Credentials,
    /// The running process; `None`: an identity nobody was seen to have.
    pub process: Option<Arc<Process>>,
    /// The user's groups as the user database has them now, which a new process would get.
    pub listed_groups: Fact<Vec<u32>>,
    /// Its network namespace, where that is not ours and could be read.
    pub netns: Option<NetnsId>,
    /// Its root directory, where it is not that of its mount namespace (chroot(2)), as we see it.
    pub chroot: Option<Vec<u8>>,
    /// Its root directory and mount namespace are ours.
    pub our_view: Fact<bool>,
}

impl Consumer {
    /// Whether it runs in a container, which has a service manager of its own or none.
    pub fn is_contained(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.container.is_some())
    }

    /// `www-data`, with the process it is: `www-data (nginx pid 812)`. Bytes of strangers among them.
    pub fn label(&self) -> Vec<u8> {
        let user = self.user.label().into_owned().into_bytes();
        let Some(process) = &self.process else { return user };
        let pid = format!(" pid {})", process.pid);
        [user.as_slice(), b" (", &process.command, pid.as_bytes()].concat()
    }

    /// `uid 33 (www-data), group 33 (www-data), groups 4 (adm)`
    pub fn identity(&self) -> String {
        let named = |id: &IdName| match &id.name {
            Some((name, _)) => format!("{} ({name})", id.id),
            None => id.id.to_string(),
        };
        let groups: Vec<String> = self.groups.iter().map(named).collect();
        let groups = if groups.is_empty() {
            "no other groups".to_owned()
        } else {
            format!("and in {}", groups.join(", "))
        };
        format!("uid {}, group {}, {groups}", named(&self.user), named(&self.group))
    }
}

#[cfg(test)]
impl Consumer {
    /// A user without privilege, for tests.
    pub(crate) fn sample(uid: u32, groups: &[u32]) -> Self {
        let credentials = Credentials {
            uid,
            gid: uid,
            groups: groups.to_vec(),
            capabilities: 0,
            maps: Fact::Known(super::IdMaps::all()),
        };
        Self {
            origin: Origin::User,
            user: IdName::unnamed(uid),
            group: IdName::unnamed(uid),
            groups: groups.iter().copied().map(IdName::unnamed).collect(),
            credentials,
            process: None,
            netns: None,
            chroot: None,
            listed_groups: Fact::NotAsked,
            our_view: Fact::Known(true),
        }
    }
}
