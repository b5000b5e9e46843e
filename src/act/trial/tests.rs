//! The trial in directories of this process.

use std::path::Path;

use super::*;
use crate::model::{Fact, IdMaps, TrialEnd};

fn credentials(capabilities: u64, groups: &[u32]) -> Credentials {
    let maps = Fact::Known(IdMaps::all());
    Credentials { uid: 7, gid: 8, groups: groups.to_vec(), capabilities, maps }
}

#[test]
fn a_file_is_given_away_only_by_who_may() {
    assert_eq!(new_owner(&credentials(u64::MAX, &[])), (65534, 65534));
    assert_eq!(new_owner(&credentials(0, &[8, 9])), (7, 9));
    assert_eq!(new_owner(&credentials(0, &[])), (7, 8));
    let in_a_namespace = Credentials { maps: Fact::Known(IdMaps::default()), ..credentials(u64::MAX, &[]) };
    assert_eq!(new_owner(&in_a_namespace), (7, 8));
}

#[test]
fn a_missing_directory_is_not_entered() {
    let request = Request { directory: b"/no/such".to_vec(), credentials: None, owner: (0, 0) };
    let trial = steps::run(&request, &mut |_| true).unwrap();
    let last = trial.steps.last().unwrap();
    assert_eq!((last.act, last.end, last.errno), (TrialAct::Enter, TrialEnd::Failed, Some(2)));
    assert!(!Path::new("/no").exists());
}
