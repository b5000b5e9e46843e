//! A POSIX access control list, as acl(5) has it.

use serde::{Deserialize, Serialize};

/// Whom an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AclTag {
    /// `ACL_USER_OBJ`: the owner.
    Owner,
    /// `ACL_USER`: this uid.
    User(u32),
    /// `ACL_GROUP_OBJ`: the owning group.
    OwningGroup,
    /// `ACL_GROUP`: this gid.
    Group(u32),
    /// `ACL_MASK`: the most that named users and all groups may have.
    Mask,
    /// `ACL_OTHER`: everybody else.
    Other,
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AclEntry {
    /// Whom it is for.
    pub tag: AclTag,
    /// What it grants.
    pub bits: super::Bits,
}

/// The entries in the kernel's order: owner, users, owning group, groups, mask, others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Acl {
    /// The entries.
    pub entries: Vec<AclEntry>,
}

impl Acl {
    /// What the mask leaves of named users and groups; everything where there is none.
    pub fn mask(&self) -> super::Bits {
        let mask = self.entries.iter().find(|entry| entry.tag == AclTag::Mask);
        mask.map_or(super::Bits::ALL, |entry| entry.bits)
    }
}
