//! The kernel's own permission check, `generic_permission` and `acl_permission_check` of fs/namei.c and
//! `posix_acl_permission` of fs/posix_acl.c, as a pure function: exactly one class decides.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Acl, AclTag, Fact, Gap};

/// Permission bits of one class: r is 4, w is 2, x is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Bits(pub u8);

impl Bits {
    /// rwx
    pub const ALL: Self = Self(7);
    /// To change a directory, or to connect to a socket.
    pub const WRITE: Self = Self(2);
    /// To make and remove what is in a directory: w and x.
    pub const CHANGE: Self = Self(3);
    /// To search a directory.
    pub const SEARCH: Self = Self(1);

    /// Whether all of these are among them.
    pub const fn contains(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Those in both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |bit, letter| if self.0 & bit == 0 { '-' } else { letter };
        write!(f, "{}{}{}", letter(4, 'r'), letter(2, 'w'), letter(1, 'x'))
    }
}

/// What a file says about who may use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// `st_mode`; its group bits are the mask where there is an ACL.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Its ACL, where it was asked for; `Known(None)`: it has none.
    pub acl: Fact<Option<Acl>>,
}

impl Permissions {
    /// The bits of the owner, the group (or the mask) and others.
    pub fn classes(&self) -> [Bits; 3] {
        [6, 3, 0].map(|shift| Bits(((self.mode >> shift) & 7) as u8))
    }
}

/// A range of ids that a user namespace maps, in our own terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdRange {
    /// The first id outside, as we see it.
    pub first: u32,
    /// The first id inside.
    pub inside: u32,
    /// How many.
    pub count: u32,
}

/// What a user namespace maps (`uid_map` and `gid_map`, user_namespaces(7)).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct IdMaps {
    /// Users.
    pub uids: Vec<IdRange>,
    /// Groups.
    pub gids: Vec<IdRange>,
}

impl IdMaps {
    /// Those of the initial user namespace: every id is itself.
    pub fn all() -> Self {
        let all = IdRange { first: 0, inside: 0, count: u32::MAX };
        Self { uids: vec![all], gids: vec![all] }
    }

    /// The id inside of an id as we see it.
    pub fn inside(ranges: &[IdRange], id: u32) -> Option<u32> {
        let range = ranges.iter().find(|range| id >= range.first && id - range.first < range.count)?;
        Some(range.inside + (id - range.first))
    }

    /// Whether owner and group of a file mean something inside: only then do capabilities apply to it
    /// (`privileged_wrt_inode_uidgid`, kernel/capability.c).
    pub fn maps(&self, permissions: &Permissions) -> bool {
        Self::inside(&self.uids, permissions.uid).is_some()
            && Self::inside(&self.gids, permissions.gid).is_some()
    }
}

/// Who asks: what the kernel compares, in our own terms (credentials(7)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The filesystem uid.
    pub uid: u32,
    /// The filesystem gid.
    pub gid: u32,
    /// Supplementary groups, ascending.
    pub groups: Vec<u32>,
    /// Effective capabilities (capabilities(7)), in its user namespace.
    pub capabilities: u64,
    /// What its user namespace maps.
    pub maps: Fact<IdMaps>,
}

/// `CAP_DAC_OVERRIDE`, include/uapi/linux/capability.h
pub const DAC_OVERRIDE: u64 = 1 << 1;
/// `CAP_DAC_READ_SEARCH`
pub const DAC_READ_SEARCH: u64 = 1 << 2;

/// The one class that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The owner's bits.
    Owner,
    /// The owning group's.
    Group,
    /// An ACL entry for this user.
    AclUser(u32),
    /// An ACL entry for this group.
    AclGroup(u32),
    /// Everybody else's.
    Other,
    /// No class: a capability overrides them.
    Capability,
}

/// What the kernel answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// The class that decided.
    pub class: Class,
    /// What that class grants, the mask applied.
    pub granted: Bits,
    /// What the ACL mask takes away from it.
    pub masked: Bits,
}

impl Credentials {
    /// Of that group, be it the primary or a supplementary one.
    pub fn in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// Root of its own user namespace.
    pub fn is_root(&self) -> bool {
        let maps = self.maps.known();
        self.uid == 0 || maps.is_some_and(|maps| IdMaps::inside(&maps.uids, self.uid) == Some(0))
    }

    /// The same with these supplementary groups.
    #[must_use]
    pub fn with_groups(&self, groups: &[u32]) -> Self {
        Self { groups: groups.to_vec(), ..self.clone() }
    }

    /// Whether it has a capability that overrides permissions, over files whose owner is mapped.
    pub fn would_override(&self, search_only: bool) -> bool {
        let overriding = if search_only { DAC_OVERRIDE | DAC_READ_SEARCH } else { DAC_OVERRIDE };
        self.capabilities & overriding != 0
    }

    /// Whether it may do what is wanted. `Err`: what decides could not be seen.
    pub fn decide(&self, file: &Permissions, wanted: Bits, directory: bool) -> Result<Decision, Gap> {
        let decision = self.by_class(file, wanted)?;
        let search_only = directory && !wanted.contains(Bits::WRITE);
        if decision.allowed || !self.would_override(search_only) {
            return Ok(decision);
        }
        match &self.maps {
            Fact::Unknown(gap) => Err(gap.clone()),
            Fact::Known(maps) if !maps.maps(file) => Ok(decision),
            Fact::Known(_) | Fact::NotAsked => {
                Ok(Decision { allowed: true, class: Class::Capability, ..decision })
            }
        }
    }

    fn by_class(&self, file: &Permissions, wanted: Bits) -> Result<Decision, Gap> {
        let [owner, group, other] = file.classes();
        let plain = |class, granted: Bits| Decision {
            allowed: granted.contains(wanted),
            class,
            granted,
            masked: Bits::default(),
        };
        if self.uid == file.uid {
            return Ok(plain(Class::Owner, owner));
        }
        // With an empty mask the kernel does not even look at the ACL: a named user then is one of the others.
        if group != Bits::default() {
            match &file.acl {
                Fact::Known(Some(acl)) => return Ok(self.by_acl(acl, file, wanted, other)),
                Fact::Unknown(gap) => return Err(gap.clone()),
                Fact::Known(None) | Fact::NotAsked => {}
            }
        }
        let (class, granted) =
            if self.in_group(file.gid) { (Class::Group, group) } else { (Class::Other, other) };
        let mut decision = plain(class, granted);
        if let Fact::Known(Some(acl)) = &file.acl {
            decision.masked = self.by_acl(acl, file, wanted, other).masked;
        }
        Ok(decision)
    }

    fn by_acl(&self, acl: &Acl, file: &Permissions, wanted: Bits, other: Bits) -> Decision {
        let mask = acl.mask();
        let masked = |class, bits: Bits| {
            let granted = bits.and(mask);
            let taken = Bits(bits.0 & !mask.0);
            Decision { allowed: granted.contains(wanted), class, granted, masked: taken }
        };
        let mut of_a_group: Option<Decision> = None;
        for entry in &acl.entries {
            match entry.tag {
                AclTag::User(uid) if uid == self.uid => return masked(Class::AclUser(uid), entry.bits),
                AclTag::OwningGroup | AclTag::Group(_) => {
                    let (gid, class) = match entry.tag {
                        AclTag::Group(gid) => (gid, Class::AclGroup(gid)),
                        _ => (file.gid, Class::Group),
                    };
                    if self.in_group(gid) {
                        let decision = masked(class, entry.bits);
                        // The first group that grants it decides, even if the mask then takes it away.
                        if entry.bits.contains(wanted) {
                            return decision;
                        }
                        of_a_group.get_or_insert(decision);
                    }
                }
                _ => {}
            }
        }
        let others = Decision {
            allowed: other.contains(wanted),
            class: Class::Other,
            granted: other,
            masked: Bits::default(),
        };
        of_a_group.unwrap_or(others)
    }
}

#[cfg(test)]
mod tests;
