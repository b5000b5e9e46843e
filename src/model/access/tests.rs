use super::*;
use crate::model::{Acl, AclEntry, AclTag, Case, Permissions};

fn obstacle(case: &Case) -> Option<(Vec<u8>, Obstacle)> {
    let found = case.accesses[0].obstacle().unwrap();
    found.map(|(gate, obstacle)| (gate.step.path.clone(), obstacle))
}

#[test]
fn the_first_component_that_says_no_is_the_one() {
    let visitor = || Consumer::sample(33, &[]);
    assert_eq!(obstacle(&Case::sample_before(visitor(), 0o711, 0o666)), None);
    let closed = Case::sample_before(visitor(), 0o700, 0o600);
    assert_eq!(obstacle(&closed), Some((b"/tmp".to_vec(), Obstacle::Search)));
    let unwritable = Case::sample_before(visitor(), 0o755, 0o664);
    assert_eq!(obstacle(&unwritable), Some((b"/tmp/x.sock".to_vec(), Obstacle::Write)));
    assert_eq!(unwritable.accesses[0].allowed(), Some(false));
}

#[test]
fn groups_of_the_user_database_help_only_who_starts_anew() {
    let mut running = Consumer::sample(33, &[]);
    running.listed_groups = Fact::Known(vec![50]);
    assert_eq!(obstacle(&Case::sample_before(running.clone(), 0o755, 0o660)).unwrap().1, Obstacle::Write);
    running.process = Some(crate::model::Holder::sample(7).process);
    assert_eq!(
        obstacle(&Case::sample_before(running.clone(), 0o755, 0o660)).unwrap().1,
        Obstacle::StaleGroups
    );
    let closed_too = Case::sample_before(running, 0o700, 0o660);
    assert_eq!(obstacle(&closed_too).unwrap().1, Obstacle::Search, "the group would not open the directory");
}

#[test]
fn root_without_its_capability_is_like_anybody() {
    assert_eq!(
        obstacle(&Case::sample_before(Consumer::sample(0, &[]), 0o755, 0o440)).unwrap().1,
        Obstacle::PowerlessRoot
    );
}

#[test]
fn a_mask_that_takes_it_away_is_named() {
    let mut case = Case::sample_before(Consumer::sample(33, &[]), 0o755, 0o640);
    let consumer = case.accesses[0].consumer.clone();
    if let Fact::Known(walk) = &mut case.walk {
        let entry = |tag, bits| AclEntry { tag, bits: Bits(bits) };
        let entries = vec![entry(AclTag::User(33), 6), entry(AclTag::OwningGroup, 4), entry(AclTag::Mask, 4)];
        walk.steps[2].permissions.acl = Fact::Known(Some(Acl { entries }));
        case.accesses = vec![Access::of(consumer, walk, &Fact::Known(true))];
    }
    assert_eq!(obstacle(&case).unwrap().1, Obstacle::AclMask);
}

fn through_a_link(owner: u32, directory: u32, protected: &Fact<bool>) -> Access {
    let step = |path: &str, kind, uid, mode, last| Step {
        path: path.as_bytes().to_vec(),
        kind,
        permissions: Permissions { mode, uid, gid: 0, acl: Fact::NotAsked },
        link: None,
        last,
    };
    let mut walk = Case::sample().walk.known().cloned().unwrap();
    walk.steps = vec![
        step("/", FileKind::Directory, 0, 0o755, false),
        step("/tmp", FileKind::Directory, 0, directory, false),
        step("/tmp/x", FileKind::Symlink, owner, 0o777, true),
        step("/s", FileKind::Socket, 0, 0o666, true),
    ];
    Access::of(Consumer::sample(33, &[]), &walk, protected)
}

#[test]
fn a_foreign_link_in_a_sticky_directory_is_not_followed() {
    let protected = Fact::Known(true);
    let stopped = through_a_link(1000, 0o1777, &protected);
    assert_eq!(stopped.obstacle().unwrap().unwrap().1, Obstacle::Link);
    for innocent in [
        through_a_link(33, 0o1777, &protected),
        through_a_link(0, 0o1777, &protected),
        through_a_link(1000, 0o777, &protected),
        through_a_link(1000, 0o1777, &Fact::Known(false)),
    ] {
        assert_eq!(innocent.allowed(), Some(true));
    }
    let gap = Gap::new("/proc/sys/fs/protected_symlinks", "Permission denied");
    assert_eq!(through_a_link(1000, 0o1777, &Fact::Unknown(gap)).allowed(), None);
}

#[test]
fn what_lies_beyond_our_own_sight_is_no_answer() {
    let mut walk =
        Case::sample_before(Consumer::sample(33, &[]), 0o700, 0o666).walk.known().cloned().unwrap();
    walk.steps.pop();
    walk.reached = Reached::Stopped { at: b"/tmp/x.sock".to_vec(), rest: vec![], errno: EACCES };
    let before = |consumer| Access::of(consumer, &walk, &Fact::Known(true)).allowed();
    assert_eq!(before(Consumer::sample(33, &[])), Some(false), "it is stopped before that");
    assert_eq!(before(Consumer::sample(0, &[])), None);
    let mut elsewhere = Consumer::sample(33, &[]);
    elsewhere.our_view = Fact::Unknown(Gap::new("/proc/7/root", "Permission denied"));
    assert_eq!(before(elsewhere), None);
}

#[test]
fn nothing_at_the_path_lets_nobody_in() {
    let access = Access::of(Consumer::sample(0, &[]), &Walk::sample_missing(), &Fact::Known(true));
    assert_eq!((access.allowed(), access.obstacle()), (Some(false), Ok(None)));
}
