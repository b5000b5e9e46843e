use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use super::*;
use crate::model::FileKind;

const SOON: Duration = Duration::from_secs(20);

fn names(names: &[&str]) -> Wanted {
    Wanted::Names(names.iter().map(|name| name.as_bytes().to_vec()).collect())
}

#[test]
fn what_is_done_to_a_name_comes_in_order_and_with_who_did_it_where_that_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let mut recorder = Recorder::new(&Machine::default(), false).unwrap();
    let place = dir.path().as_os_str().as_bytes();
    assert_eq!(recorder.watch(place, names(&["s"])), Ok(true));
    assert_eq!(recorder.watch(place, names(&["t"])), Ok(false), "the same directory again");
    std::fs::write(dir.path().join("other"), "").unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    let first = recorder.next(SOON).unwrap();
    assert_eq!((first.act, first.file.as_ref().map(|file| file.kind)), (Act::Made, Some(FileKind::Socket)));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let second = recorder.next(SOON).unwrap();
    assert_eq!((second.act, second.file.unwrap().permissions()), (Act::Attributes, 0o600));
    std::fs::rename(&path, dir.path().join("t")).unwrap();
    let (went, came) = (recorder.next(SOON).unwrap(), recorder.next(SOON).unwrap());
    let (Act::Went(one), Act::Came(other)) = (went.act, came.act) else { panic!("{went:?} {came:?}") };
    assert_eq!((one, went.name.as_slice(), came.name.as_slice()), (other, &b"s"[..], &b"t"[..]));
    std::fs::remove_file(dir.path().join("t")).unwrap();
    let last = recorder.next(SOON).unwrap();
    assert_eq!(last.act, Act::Removed);
    for note in [&first, &went, &came, &last] {
        let pid = note.who.as_ref().map(|doer| doer.actor.pid);
        assert_eq!(pid, recorder.blind.is_none().then(std::process::id), "{note:?}");
    }
    drop(listener);
}

#[test]
fn a_directory_that_was_removed_and_made_again_is_another_one() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("d");
    let place = below.as_os_str().as_bytes();
    let mut recorder = Recorder::new(&Machine::default(), false).unwrap();
    assert_eq!(recorder.watch(place, Wanted::All), Err(Errno::ENOENT));
    for _ in 0..2 {
        std::fs::create_dir(&below).unwrap();
        assert_eq!(recorder.watch(place, Wanted::All), Ok(true));
        std::fs::write(below.join("x"), "").unwrap();
        assert_eq!(recorder.next(SOON).unwrap().act, Act::Made);
        std::fs::remove_dir_all(&below).unwrap();
        assert!((0..100).filter_map(|_| recorder.next(SOON)).any(|note| note.act == Act::Removed));
    }
}
