//! Mounts of a service, in short and in long syntax; named volumes.
//!
//! <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#volumes>,
//! <https://github.com/compose-spec/compose-spec/blob/main/07-volumes.md>

use super::source::Sources;
use crate::config::yaml::{Malformed, Node, Value};
use crate::model::{BoundMount, MountSource, Volume};

/// A mount in short syntax, cut into pieces, each with the byte it begins at.
struct Short<'t> {
    source: Option<&'t str>,
    target: (usize, &'t str),
    mode: Option<(usize, &'t str)>,
}

/// `[SOURCE:]TARGET[:MODE]`; the colon behind a drive letter belongs to the path.
fn short(text: &str) -> Option<Short<'_>> {
    let drive = |at: usize| {
        let rest = &text.as_bytes()[at..];
        matches!(rest, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
    };
    let mut starts = vec![0];
    let mut at = if drive(0) { 2 } else { 0 };
    while let Some(colon) = text[at..].find(':').map(|colon| at + colon) {
        starts.push(colon + 1);
        at = colon + 1 + if drive(colon + 1) { 2 } else { 0 };
    }
    let end = |piece: usize| starts.get(piece + 1).map_or(text.len(), |next| next - 1);
    let pieces: Vec<(usize, &str)> =
        starts.iter().enumerate().map(|(n, start)| (*start, &text[*start..end(n)])).collect();
    let short = match *pieces.as_slice() {
        [target] => Short { source: None, target, mode: None },
        [(_, source), target] => Short { source: Some(source), target, mode: None },
        [(_, source), target, mode] => Short { source: Some(source), target, mode: Some(mode) },
        _ => return None,
    };
    (short.target.1.starts_with('/') && short.source != Some("")).then_some(short)
}

/// Where a mount goes, as far as that can be told.
pub(super) fn target(node: &Node) -> Option<&str> {
    let target = match &node.value {
        Value::Scalar(text) => short(text)?.target.1,
        _ => node.get("target")?.text()?,
    };
    Some(trimmed(target))
}

fn trimmed(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { path } else { trimmed }
}

/// A mount of a service.
pub(super) fn mount(node: &Node, sources: &Sources<'_>) -> Result<BoundMount, Malformed> {
    let wrong = |why: &str| Err(Malformed { location: node.at.clone(), why: why.to_owned() });
    let Some(text) = node.text() else { return long(node, sources) };
    let Some(short) = short(text) else {
        return wrong("a volume is [SOURCE:]TARGET[:MODE], TARGET with a leading /");
    };
    let source = short.source.map_or(MountSource::Own, |source| match source.as_bytes() {
        [b'/' | b'.' | b'~' | b'\\', ..] | [_, b':', ..] => MountSource::Host(trimmed(source).to_owned()),
        _ => MountSource::Volume(source.to_owned()),
    });
    let read_only = short.mode.is_some_and(|(_, mode)| mode.split(',').any(|word| word == "ro"));
    Ok(BoundMount {
        source,
        target: trimmed(short.target.1).to_owned(),
        subpath: String::new(),
        read_only,
        is_long: false,
        written: sources.written(node),
        source_written: short.source.and_then(|source| sources.piece(node, 0..source.len())),
        type_written: None,
        target_written: sources.piece(node, short.target.0..short.target.0 + short.target.1.len()),
        mode_written: short.mode.filter(|(_, mode)| *mode == "ro").and_then(|(at, mode)| {
            // Together with the colon before it.
            sources.piece(node, at - 1..at + mode.len())
        }),
    })
}

fn long(node: &Node, sources: &Sources<'_>) -> Result<BoundMount, Malformed> {
    let wrong = |why: &str| Err(Malformed { location: node.at.clone(), why: why.to_owned() });
    let text = |key: &str| node.get(key).and_then(Node::text);
    if node.pairs().is_empty() {
        return wrong("a volume is a text or a mapping");
    }
    let Some(target) = text("target") else { return wrong("a volume in long syntax has a target") };
    let source = match (text("type").unwrap_or("volume"), text("source").or(text("src"))) {
        ("bind" | "npipe", Some(source)) => MountSource::Host(trimmed(source).to_owned()),
        ("bind", None) => return wrong("a bind mount has a source"),
        ("volume", Some(source)) => MountSource::Volume(source.to_owned()),
        _ => MountSource::Own,
    };
    let read_only = node.get("read_only").filter(|value| value.is_true());
    let whole = |node: &Node| sources.written(node);
    Ok(BoundMount {
        source,
        target: trimmed(target).to_owned(),
        subpath: node
            .get("volume")
            .and_then(|volume| volume.get("subpath"))
            .and_then(Node::text)
            .unwrap_or_default()
            .trim_matches('/')
            .to_owned(),
        read_only: read_only.is_some(),
        is_long: true,
        written: whole(node.get("source").unwrap_or(node)),
        source_written: node.get("source").map(whole),
        type_written: node.get("type").filter(|_| node.get("bind").is_none()).map(whole),
        target_written: node.get("target").map(whole),
        mode_written: read_only.map(whole),
    })
}

/// A named volume.
pub(super) fn volume(key: &Node, node: &Node, sources: &Sources<'_>) -> Option<Volume> {
    let name = key.text()?;
    let option = |option: &str| node.get("driver_opts").and_then(|options| options.entry(option));
    let fstype = option("type").and_then(|(_, value)| value.text());
    let bind = option("o")
        .and_then(|(_, value)| value.text())
        .is_some_and(|o| o.split(',').any(|word| word == "bind" || word == "rbind"));
    let device = option("device").filter(|_| bind || fstype == Some("none"));
    let external = node.get("external").is_some_and(|value| value.is_true() || !value.pairs().is_empty());
    let shared_name = node.get("name").and_then(Node::text).or(external.then_some(name));
    let driver = node.entry("driver").filter(|(_, driver)| driver.text() != Some("local"));
    let suspect = device.or(option("type")).or(driver);
    Some(Volume {
        key: name.to_owned(),
        shared_name: shared_name.map(str::to_owned),
        driver: driver.and_then(|(_, driver)| driver.text()).unwrap_or("local").to_owned(),
        fstype: fstype.map(str::to_owned),
        device: device.and_then(|(_, device)| device.text()).map(str::to_owned),
        written: sources.written(suspect.map_or(key, |(key, _)| key)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml::parse;

    fn of(yaml: &str) -> Result<BoundMount, Malformed> {
        mount(
            &parse(b"f", yaml.as_bytes()).unwrap(),
            &Sources::of(&[(b"f".to_vec(), yaml.as_bytes().to_vec())]),
        )
    }

    #[test]
    fn short_syntax_is_cut_where_compose_cuts_it() {
        let host = |path: &str| MountSource::Host(path.into());
        for (text, source, target, read_only) in [
            ("vol:/run/x", MountSource::Volume("vol".into()), "/run/x", false),
            ("./s/:/run/x/:ro", host("./s"), "/run/x", true),
            ("/run/x", MountSource::Own, "/run/x", false),
            (r"C:\s:/run/x:z,ro", host(r"C:\s"), "/run/x", true),
            ("~/s:/run/x:rw", host("~/s"), "/run/x", false),
        ] {
            let mount = of(text).unwrap();
            assert_eq!(
                (mount.source, mount.target.as_str(), mount.read_only),
                (source, target, read_only),
                "{text}"
            );
        }
        for wrong in ["a:b", ":/x", "ab:/b:c:d", "''", "[]", "{source: x}", "{type: bind, target: /x}"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_pieces_are_where_they_are_written() {
        let yaml = "'./s:/run/x:ro'";
        let mount = of(yaml).unwrap();
        let bytes = |written: Option<crate::model::Written>| &yaml[written.unwrap().bytes.unwrap()];
        assert_eq!(bytes(mount.source_written), "./s");
        assert_eq!(bytes(mount.target_written), "/run/x");
        assert_eq!(bytes(mount.mode_written), ":ro");
    }
}
