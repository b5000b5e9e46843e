//! What stands where a socket is expected, and whether moving it aside can be advised: only where a socket is
//! plausible and nothing else can miss what is moved.

use super::{owner, quote};
use crate::model::{Case, File, FileKind, Fix, Role, Sighting};

/// A live listener that lost its file to what stands at the path now, in the view of who asks.
pub(super) fn lost_listener(case: &Case) -> Option<&Sighting> {
    case.orphans().find(|orphan| {
        orphan.is_alive()
            && orphan.role() == Ok(Some(Role::Replaced))
            && orphan.view.known().is_some_and(|view| view.ours)
    })
}

/// Whether it is certain that a listener which lost its name to this file has no other.
pub(super) fn nameless(listener: &Sighting, file: &File) -> bool {
    let links = listener.view.known().and_then(|view| view.links.known());
    listener.socket.file.is_some_and(|own| file.comparable(own)) && links.is_none_or(|links| *links == 0)
}

/// Whether a path is named like a socket.
pub(super) fn named_like_a_socket(path: &[u8]) -> bool {
    path.ends_with(b".sock") || path.ends_with(b".socket")
}

/// What to do about it.
pub(super) fn fixes(case: &Case, file: &File) -> Vec<Fix> {
    let mut fixes =
        vec![Fix::look(quote::command("ls -ld", &case.from_here(&file.path)), "see what it is and whose")];
    let lost = lost_listener(case);
    if lost.is_none() && case.orphans().any(Sighting::is_alive) {
        fixes.push(owner::out_of_sight());
        return fixes;
    }
    if movable(case, file) {
        let text = match lost {
            Some(_) => "move it aside, then restart the listener",
            None => "if it is in the way: move it aside, then start the server",
        };
        fixes.push(owner::move_aside(&case.from_here(&file.path), text));
        fixes.extend(lost.map(owner::restart));
        return fixes;
    }
    if let Some(lost) = lost {
        fixes.push(Fix::advice("make room at the path, then restart the listener that was bound there"));
        fixes.push(owner::restart(lost));
        return fixes;
    }
    fixes.push(Fix::advice(match file.kind {
        FileKind::Directory => "give the path of the socket in it",
        _ => "correct the path in the client",
    }));
    fixes
}

fn movable(case: &Case, file: &File) -> bool {
    let last = case.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let named = !matches!(last, b"" | b"." | b"..") && file.path != b"/";
    let mounted = file.mount.as_ref().is_none_or(|mount| mount.point == file.path);
    let harmless = match file.kind {
        FileKind::Regular | FileKind::Fifo => true,
        FileKind::Directory => file.empty == Some(true),
        _ => false,
    };
    let expected = named_like_a_socket(&case.path) && named_like_a_socket(&file.path);
    named && !mounted && harmless && (expected || lost_listener(case).is_some())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Fact, View};

    fn standing(kind: FileKind, path: &str) -> Case {
        let mut case = Case::sample_stale();
        case.path = path.into();
        (case.file_mut().kind, case.file_mut().path) = (kind, path.into());
        case
    }

    fn changes(case: &Case) -> Vec<String> {
        let commands = fixes(case, case.file().unwrap().unwrap()).into_iter().filter(|fix| fix.changes_state);
        commands.map(|fix| String::from_utf8(fix.command.unwrap()).unwrap()).collect()
    }

    /// The case with a listener that was bound under its path.
    pub(in super::super) fn taken(mut case: Case) -> Case {
        let mut orphan = Sighting::sample();
        orphan.relation.serves = false;
        let mut walk = case.walk.known().cloned().unwrap();
        if let crate::model::Reached::File(file) = &mut walk.reached {
            file.ino += 1;
        }
        orphan.view = Fact::Known(View { walk, ..View::sample_missing() });
        case.sockets.items.push(orphan);
        case
    }

    #[test]
    fn only_what_is_named_like_a_socket_may_be_moved() {
        assert_eq!(changes(&standing(FileKind::Regular, "/tmp/x.sock")).len(), 1);
        assert_eq!(changes(&standing(FileKind::Fifo, "/run/x.socket")).len(), 1);
        for (kind, path) in [
            (FileKind::Regular, "/etc/passwd"),
            (FileKind::Device, "/dev/null"),
            (FileKind::Device, "/dev/x.sock"),
            (FileKind::Directory, "/tmp"),
            (FileKind::Directory, "/"),
            (FileKind::Directory, "/srv/x.sock"),
            (FileKind::Directory, "/srv/x.sock/."),
            (FileKind::Directory, "/srv/x.sock/.."),
        ] {
            assert_eq!(changes(&standing(kind, path)), Vec::<String>::new(), "{path}");
        }
        let mut mounted = standing(FileKind::Regular, "/run/x.sock");
        let mount = mounted.file_mut().mount.as_mut().map(std::sync::Arc::make_mut).unwrap();
        mount.point = b"/run/x.sock".to_vec();
        assert_eq!(changes(&mounted), Vec::<String>::new());
    }

    #[test]
    fn a_listener_that_lost_its_file_is_restarted_after_the_move() {
        let both = ["mv -nT /run/app /run/app.aside", "kill 4242"];
        assert_eq!(changes(&taken(standing(FileKind::Regular, "/run/app"))), both);
        assert_eq!(changes(&taken(standing(FileKind::Directory, "/run/app"))), ["kill 4242"]);
    }

    #[test]
    fn a_listener_with_another_link_may_be_well() {
        let case = taken(Case::sample_stale());
        let (file, mut listener) = (case.file().unwrap().unwrap(), case.sockets.items[0].clone());
        assert!(nameless(&listener, file));
        let Fact::Known(view) = &mut listener.view else { panic!() };
        view.links = Fact::Known(1);
        assert!(!nameless(&listener, file));
    }

    #[test]
    fn nothing_is_moved_under_a_listener_of_another_view() {
        let mut case = taken(standing(FileKind::Regular, "/run/x.sock"));
        if let Fact::Known(view) = &mut case.sockets.items[0].view {
            view.ours = false;
        }
        assert_eq!(changes(&case), Vec::<String>::new());
    }
}
