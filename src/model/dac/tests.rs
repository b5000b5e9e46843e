use super::*;
use crate::model::AclEntry;

fn file(mode: u32, uid: u32, gid: u32) -> Permissions {
    Permissions { mode, uid, gid, acl: Fact::Known(None) }
}

fn user(uid: u32, groups: &[u32]) -> Credentials {
    Credentials { uid, gid: uid, groups: groups.to_vec(), capabilities: 0, maps: Fact::Known(IdMaps::all()) }
}

fn writes(who: &Credentials, file: &Permissions) -> bool {
    who.decide(file, Bits::WRITE, false).unwrap().allowed
}

fn acl(entries: &[(AclTag, u8)]) -> Fact<Option<Acl>> {
    let entries = entries.iter().map(|(tag, bits)| AclEntry { tag: *tag, bits: Bits(*bits) }).collect();
    Fact::Known(Some(Acl { entries }))
}

#[test]
fn classes_exclude_each_other() {
    assert!(!writes(&user(7, &[]), &file(0o066, 7, 7)), "the owner is not one of the others");
    assert!(!writes(&user(8, &[7]), &file(0o606, 1, 7)), "nor is a member of the group");
    assert!(writes(&user(8, &[]), &file(0o606, 1, 7)));
    assert!(writes(&user(8, &[7]), &file(0o020, 1, 7)), "w alone is enough");
}

#[test]
fn the_primary_group_counts_like_any_other() {
    assert!(writes(&user(7, &[]), &file(0o060, 1, 7)));
}

#[test]
fn a_named_user_is_limited_by_the_mask() {
    let entries = |mask| {
        let rest = [(AclTag::OwningGroup, 4), (AclTag::Mask, mask), (AclTag::Other, 0)];
        acl(&[&[(AclTag::Owner, 6), (AclTag::User(33), 6)][..], &rest].concat())
    };
    let granted = Permissions { acl: entries(6), ..file(0o660, 1, 1) };
    assert!(writes(&user(33, &[]), &granted));
    let masked = Permissions { acl: entries(4), ..file(0o640, 1, 1) };
    let decision = user(33, &[]).decide(&masked, Bits::WRITE, false).unwrap();
    assert_eq!((decision.allowed, decision.class, decision.masked), (false, Class::AclUser(33), Bits(2)));
}

#[test]
fn an_empty_mask_makes_a_named_user_one_of_the_others() {
    let entries = acl(&[(AclTag::Owner, 6), (AclTag::User(33), 6), (AclTag::Mask, 0), (AclTag::Other, 6)]);
    let masked = Permissions { acl: entries, ..file(0o606, 1, 1) };
    let decision = user(33, &[]).decide(&masked, Bits::WRITE, false).unwrap();
    assert_eq!((decision.allowed, decision.class), (true, Class::Other));
    let closed = Permissions { mode: 0o600, ..masked };
    let decision = user(33, &[]).decide(&closed, Bits::WRITE, false).unwrap();
    assert_eq!((decision.allowed, decision.class, decision.masked), (false, Class::Other, Bits(6)));
}

#[test]
fn any_group_that_grants_it_is_enough_and_one_that_does_not_still_bars_the_others() {
    let entries = [(AclTag::OwningGroup, 4), (AclTag::Group(5), 6), (AclTag::Mask, 7), (AclTag::Other, 7)];
    let listed = Permissions { acl: acl(&entries), ..file(0o677, 1, 1) };
    assert!(writes(&user(9, &[1, 5]), &listed));
    assert!(!writes(&user(9, &[1]), &listed), "a member of the owning group only");
    assert!(writes(&user(9, &[]), &listed));
}

#[test]
fn a_capability_overrides_what_its_namespace_maps() {
    let mut root = Credentials { capabilities: DAC_OVERRIDE, ..user(0, &[]) };
    assert!(writes(&root, &file(0o600, 1000, 1000)));
    root.maps = Fact::Known(IdMaps {
        uids: vec![IdRange { first: 0, inside: 0, count: 1 }],
        gids: vec![IdRange { first: 0, inside: 0, count: 1 }],
    });
    assert!(!writes(&root, &file(0o600, 1000, 0)), "the owner is not mapped");
    assert!(!writes(&root, &file(0o060, 0, 1000)), "the group is not mapped, and the owner has no w");
    root.capabilities = 0;
    assert!(!writes(&root, &file(0o060, 1000, 1000)));
}

#[test]
fn read_search_opens_directories_but_no_socket() {
    let reader = Credentials { capabilities: DAC_READ_SEARCH, ..user(7, &[]) };
    assert!(reader.decide(&file(0o040_700, 1, 1), Bits::SEARCH, true).unwrap().allowed);
    assert!(!writes(&reader, &file(0o600, 1, 1)));
}

#[test]
fn what_could_not_be_seen_is_no_answer() {
    let gap = Gap::new("getxattr", "Permission denied");
    let veiled = Permissions { acl: Fact::Unknown(gap.clone()), ..file(0o660, 1, 1) };
    assert_eq!(user(7, &[]).decide(&veiled, Bits::WRITE, false), Err(gap.clone()));
    assert!(writes(&user(1, &[]), &veiled), "the owner is not asked for the ACL");
    let foreign = Credentials { maps: Fact::Unknown(gap), capabilities: DAC_OVERRIDE, ..user(7, &[]) };
    assert!(foreign.decide(&file(0o600, 1, 1), Bits::WRITE, false).is_err());
}

#[test]
fn bits_read_like_ls() {
    assert_eq!([Bits(0), Bits(3), Bits::ALL].map(|bits| bits.to_string()), ["---", "-wx", "rwx"]);
}
