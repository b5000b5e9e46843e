//! Putting an override file over a file, and a service over the one it extends.
//!
//! <https://github.com/compose-spec/compose-spec/blob/main/13-merge.md>

use super::volume;
use crate::config::yaml::{Node, Tag, Value};

/// What stands in a file after `over` was put on it.
pub(super) fn merged(base: Node, over: Node) -> Node {
    at("", base, over)
}

/// A service on top of another.
pub(super) fn services(base: Node, over: Node) -> Node {
    at("services.*", base, over)
}

fn at(path: &str, base: Node, over: Node) -> Node {
    if over.tag == Some(Tag::Override) {
        return over;
    }
    match (base.value, over.value) {
        (Value::Mapping(mut pairs), Value::Mapping(more)) => {
            for (key, value) in more {
                let name = key.text().unwrap_or_default().to_owned();
                let known = pairs.iter().position(|(known, _)| known.text() == Some(&name));
                match known {
                    Some(known) if value.tag == Some(Tag::Reset) => drop(pairs.remove(known)),
                    Some(known) => {
                        let (first, before) = pairs.remove(known);
                        let below = if path == "services" { "services.*".into() } else { join(path, &name) };
                        pairs.insert(known, (first, at(&below, before, value)));
                    }
                    None => pairs.push((key, value)),
                }
            }
            Node { value: Value::Mapping(pairs), ..plain(base.at, base.bytes) }
        }
        // These are one value each, however they are written.
        (Value::Sequence(_), over_value @ Value::Sequence(_))
            if matches!(path.rsplit('.').next(), Some("command" | "entrypoint" | "test")) =>
        {
            Node { value: over_value, ..plain(over.at, over.bytes) }
        }
        (Value::Sequence(mut items), Value::Sequence(more)) => {
            for item in more {
                let target = if path == "services.*.volumes" { volume::target(&item) } else { None };
                let same = |known: &Node| target.is_some() && volume::target(known) == target;
                items.retain(|known| !same(known));
                items.push(item);
            }
            Node { value: Value::Sequence(items), ..plain(base.at, base.bytes) }
        }
        (_, value) => Node { value, ..plain(over.at, over.bytes) },
    }
}

fn plain(at: crate::model::Location, bytes: std::ops::Range<usize>) -> Node {
    Node { value: Value::Null, at, bytes, tag: None }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Lists that are short for mappings become mappings: `environment`, `depends_on`.
pub(super) fn in_long_form(service: &mut Node) {
    let Value::Mapping(pairs) = &mut service.value else { return };
    for (key, value) in pairs {
        let separator = match key.text() {
            Some("environment") => Some('='),
            Some("depends_on") => None,
            _ => continue,
        };
        let Value::Sequence(items) = &value.value else { continue };
        let pairs = items.iter().filter_map(|item| {
            let text = item.text()?;
            let (name, rest) = match separator.and_then(|separator| text.split_once(separator)) {
                Some((name, rest)) => (name, Value::Scalar(rest.to_owned())),
                None => (text, Value::Null),
            };
            let here = |value| Node { value, ..plain(item.at.clone(), item.bytes.clone()) };
            Some((here(Value::Scalar(name.to_owned())), here(rest)))
        });
        value.value = Value::Mapping(pairs.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml::parse;

    fn together(base: &str, over: &str) -> Node {
        merged(parse(b"a", base.as_bytes()).unwrap(), parse(b"b", over.as_bytes()).unwrap())
    }

    fn texts(node: &Node, key: &str) -> Vec<String> {
        let service = node.get("services").unwrap().get("s").unwrap();
        service
            .get(key)
            .map_or(vec![], |node| node.items().iter().map(|item| item.text().unwrap().into()).collect())
    }

    #[test]
    fn mounts_are_replaced_by_target_and_other_lists_grow() {
        let merged = together(
            "services: {s: {volumes: [av:/run/x, bv:/y], ports: [1], command: [a, b]}}",
            "services: {s: {volumes: [cv:/run/x/], ports: [2], command: [c]}}",
        );
        assert_eq!(texts(&merged, "volumes"), ["bv:/y", "cv:/run/x/"]);
        assert_eq!(texts(&merged, "ports"), ["1", "2"]);
        assert_eq!(texts(&merged, "command"), ["c"]);
    }

    #[test]
    fn tags_take_back_and_replace() {
        let base = "services: {s: {volumes: [av:/x], ports: [1]}}";
        let merged =
            together(base, "services:\n  s:\n    volumes: !override\n      - bv:/y\n    ports: !reset []\n");
        assert_eq!(texts(&merged, "volumes"), ["bv:/y"]);
        assert!(texts(&merged, "ports").is_empty());
    }
}
