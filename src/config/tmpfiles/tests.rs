//! What ages and what does not, after the lines that distributions ship.

use proptest::prelude::*;

use super::*;

fn found(text: &str, path: &str) -> Option<AgedLine> {
    aged(&lines(b"/etc/tmpfiles.d/x.conf", text.as_bytes()), path.as_bytes())
}

fn ages(text: &str, path: &str) -> bool {
    found(text, path).is_some()
}

#[test]
fn a_directory_with_an_age_covers_what_is_in_it() {
    let line = found("# upstream\nq /tmp 1777 root root 10d\n", "/tmp/x.sock").unwrap();
    assert_eq!((line.age.as_str(), line.directory.as_slice()), ("10d", b"/tmp".as_slice()));
    assert_eq!((line.location.line, line.location.column), (2, 23));
    assert!(ages("q /tmp 1777 root root 10d", "/tmp/a/b/x.sock"));
    assert!(ages("e /srv/*/cache - - - bmA:1h", "/srv/one/cache/x.sock"));
    assert!(ages("d %t/app - - - 0", "/run/app/x.sock"));
    assert!(ages("d /var/run/app/ - - - 1h", "/run/app/x.sock"));
    assert!(ages("d \"/srv/my\\x20app\" - - - 1h", "/srv/my app/x.sock"));
    assert!(ages("d / - - - 1h", "/x.sock"));
}

#[test]
fn specifiers_and_escapes_stand_for_what_the_system_manager_has() {
    for (specifier, path) in [
        ("%T", "/tmp"),
        ("%V", "/var/tmp"),
        ("%S", "/var/lib"),
        ("%C", "/var/cache"),
        ("%L", "/var/log"),
        ("%h", "/root"),
        ("/srv/%u-%g", "/srv/root-root"),
        ("/srv/%U:%G", "/srv/0:0"),
        ("/srv/100%%", "/srv/100%"),
        ("/srv/a\\sb\\tc\\nd\\re", "/srv/a b\tc\nd\re"),
        ("/srv/a\\\\b", "/srv/a\\b"),
    ] {
        assert!(ages(&format!("d {specifier} - - - 1h"), &format!("{path}/x.sock")), "{specifier}");
    }
    assert!(!ages("d /srv/% - - - 1h", "/srv/%/x.sock"), "a specifier that is cut off");
}

#[test]
fn a_line_without_an_age_covers_nothing() {
    // Debian 12.
    assert!(!ages("D /tmp 1777 root root -\n#q /var/tmp 1777 root root 30d", "/tmp/x.sock"));
    for line in [
        "d /tmp",
        "d /tmp 1777 root root",
        "D! /tmp 1777 root root 10d",
        "z /tmp 1777 root root 10d",
        "q /tmp 1777 root root soon",
        "q tmp - - - 10d",
        "q /tmpx - - - 10d",
        "q /%m - - - 10d",
        "q",
        "",
    ] {
        assert!(!ages(line, "/tmp/x.sock"), "{line}");
    }
}

#[test]
fn what_has_a_line_of_its_own_is_left_to_it() {
    let tmp = "q /tmp 1777 root root 10d\n";
    for line in [
        "x /tmp/x.sock",
        "x /tmp/x*",
        "x /tmp/[w-y].soc?",
        "x /tmp/[!a].sock",
        "X /tmp/x.sock",
        "f /tmp/x.sock",
        "x /tmp/%b.sock",
    ] {
        assert!(!ages(&[tmp, line].concat(), "/tmp/x.sock"), "{line}");
    }
    assert!(!ages(&[tmp, "x /tmp/app*"].concat(), "/tmp/app-1/run/x.sock"));
    assert!(!ages(&[tmp, "d /tmp/app - - - -"].concat(), "/tmp/app/x.sock"));
    assert!(ages(&[tmp, "X /tmp/app"].concat(), "/tmp/app/x.sock"), "X keeps the directory alone");
    assert!(ages(&[tmp, "x /tmp/*"].concat(), "/tmp/.hidden/x.sock"), "no wildcard for a leading dot");
    assert!(ages(&[tmp, "x /tmp/y*\nx /tmp/x\nx /tmp/*/x.sock"].concat(), "/tmp/x.sock"));
}

#[test]
fn of_two_lines_for_one_directory_the_first_counts() {
    assert!(!ages("d /tmp - - - -\nq /tmp - - - 10d", "/tmp/x.sock"));
    assert_eq!(found("d /tmp - - - 3d\nq /tmp - - - 10d", "/tmp/x.sock").unwrap().age, "3d");
    assert!(ages("a+ /tmp - - - - u::r\nq /tmp - - - 10d", "/tmp/x.sock"));
}

#[test]
fn a_tilde_spares_the_first_level() {
    assert!(!ages("d /tmp - - - ~1d", "/tmp/x.sock"));
    assert!(ages("d /tmp - - - ~1d", "/tmp/app/x.sock"));
}

proptest! {
    #[test]
    fn no_text_and_no_path_is_too_strange(text: Vec<u8>, path: Vec<u8>) {
        let _ = aged(&lines(b"x.conf", &text), &path);
    }

    #[test]
    fn no_line_is_too_strange(text in r#"[xXdqe][!+-]? [/a%*?\[\]!^.\\"'-]{0,12}( - - - [~a:0-9d]{0,4})?"#) {
        let _ = aged(&lines(b"x.conf", text.as_bytes()), b"/a/a/.a");
    }
}
