//! systemd.socket(5): which names a .socket unit listens on, and which service goes with it.

use crate::model::SocketUnit;

/// The settings that name a socket of this family.
const LISTEN: [&[u8]; 3] = [b"ListenStream", b"ListenDatagram", b"ListenSequentialPacket"];

/// The one unit that listens on a name as the kernel has it, an abstract one with `@`. The units are unit files
/// with the text of each. `None` where several do: which of them is meant, the files do not say.
pub fn of(units: &[(Vec<u8>, Vec<u8>)], name: &[u8]) -> Option<SocketUnit> {
    let mut listening = units.iter().filter(|(_, text)| listens(text).iter().any(|listen| listen == name));
    let (file, _) = listening.next().filter(|_| listening.next().is_none())?;
    let unit = file.rsplit(|byte| *byte == b'/').next()?;
    // A template is no unit, and has no instance that its file would name.
    let unit = std::str::from_utf8(unit).ok().filter(|unit| !unit.contains("@."))?;
    Some(SocketUnit { name: unit.to_owned(), file: file.clone() })
}

/// Whether a service stops and starts with a .socket unit, by the text of its unit file (systemd.unit(5)).
pub fn is_required_by(socket: &str, service: &[u8]) -> bool {
    let names = |value: &[u8]| value.split(u8::is_ascii_whitespace).any(|name| name == socket.as_bytes());
    ["Requires", "BindsTo", "PartOf"]
        .iter()
        .any(|key| in_force(service, b"[Unit]", &[key.as_bytes()]).any(names))
}

/// Paths and abstract names.
fn listens(text: &[u8]) -> Vec<Vec<u8>> {
    let names = in_force(text, b"[Socket]", &LISTEN).filter_map(resolved);
    names.filter(|name| matches!(name[0], b'/' | b'@')).collect()
}

/// The values of a list in a section that are in force at the end: an empty assignment takes back those before it.
fn in_force<'t>(text: &'t [u8], section: &[u8], keys: &[&[u8]]) -> impl Iterator<Item = &'t [u8]> {
    let mut values = Vec::new();
    let mut in_section = false;
    for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if line.starts_with(b"[") {
            in_section = line == section;
        }
        let Some(equals) = line.iter().position(|byte| *byte == b'=').filter(|_| in_section) else {
            continue;
        };
        if !keys.contains(&line[..equals].trim_ascii_end()) {
            continue;
        }
        match line[equals + 1..].trim_ascii_start() {
            b"" => values.clear(),
            value => values.push(value),
        }
    }
    values.into_iter()
}

/// A value as systemd takes it: `%t` is the runtime directory, and /var/run is /run. `None` where another
/// specifier stands in it.
fn resolved(value: &[u8]) -> Option<Vec<u8>> {
    let mut name = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [byte, tail @ ..] = rest {
        rest = match (byte, tail) {
            (b'%', [b't', tail @ ..]) => {
                name.extend_from_slice(b"/run");
                tail
            }
            (b'%', [b'%', tail @ ..]) => {
                name.push(b'%');
                tail
            }
            (b'%', _) => return None,
            (b'/', [b'/', ..]) => tail,
            _ => {
                name.push(*byte);
                tail
            }
        };
    }
    let below_run = name.strip_prefix(b"/var/run/").map(|below| [b"/run/", below].concat());
    Some(below_run.unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str, text: &str) -> (Vec<u8>, Vec<u8>) {
        (format!("/etc/systemd/system/{name}").into(), text.into())
    }

    fn found(units: &[(Vec<u8>, Vec<u8>)], name: &str) -> Option<String> {
        of(units, name.as_bytes()).map(|unit| unit.name)
    }

    #[test]
    fn the_unit_is_found_by_what_it_listens_on() {
        let units = [
            unit(
                "a.socket",
                "[Unit]\nListenStream=/run/x\n[Socket]\n#ListenStream=/run/y\nListenStream = /run/a\n",
            ),
            unit("b.socket", "[Socket]\nListenDatagram=%t//b\nListenSequentialPacket=@b\nListenStream=80\n"),
            unit("c.socket", "[Socket]\nListenStream=/var/run/c/%n\nListenStream=/var/run/c/50%%\n"),
        ];
        for (name, expected) in [
            ("/run/a", Some("a.socket")),
            ("/run/x", None),
            ("/run/y", None),
            ("/run/b", Some("b.socket")),
            ("@b", Some("b.socket")),
            ("80", None),
            ("/run/c/50%", Some("c.socket")),
        ] {
            assert_eq!(found(&units, name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_drop_in_takes_back_what_the_unit_said() {
        let units =
            [unit("a.socket", "[Socket]\nListenStream=/run/a\n[Socket]\nListenStream=\nListenStream=/run/b")];
        assert_eq!(found(&units, "/run/a"), None);
        assert_eq!(found(&units, "/run/b").as_deref(), Some("a.socket"));
    }

    #[test]
    fn nobody_is_named_where_two_could_be_meant() {
        let text = "[Socket]\nListenStream=/run/a";
        assert_eq!(found(&[unit("a.socket", text), unit("b.socket", text)], "/run/a"), None);
        assert_eq!(found(&[unit("a@.socket", text)], "/run/a"), None);
    }

    #[test]
    fn a_service_says_whether_it_stops_with_its_socket() {
        assert!(is_required_by("a.socket", b"[Unit]\nRequires=x.service a.socket\n"));
        assert!(!is_required_by("a.socket", b"[Unit]\nRequires=a.socket\nRequires=\nAfter=a.socket\n"));
        assert!(!is_required_by("a.socket", b"[Service]\nRequires=a.socket\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = listens(&[b"[Socket]\nListenStream=", text.as_slice()].concat());
        }
    }
}
