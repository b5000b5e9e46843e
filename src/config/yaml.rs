//! YAML as a tree in which every value knows where it is written. Anchors and merge keys are resolved, and what a
//! merged or repeated value points at is the place that defines it.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::model::Location;

/// Deeper than any configuration, and shallow enough for every stack.
const DEPTH: usize = 64;
/// Anchors multiply: what a file may grow to, in nodes.
const NODES: usize = 200_000;

/// A value, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Location,
    /// The bytes of a scalar in the file's text, quotes and all.
    pub(super) bytes: Range<usize>,
    /// `!reset`, `!override`: how Compose is to merge it.
    pub(super) tag: Option<Tag>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    /// Numbers and truth values too, as text.
    Scalar(String),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// What Compose's own tags say of a value in an override file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// Take back what the files before it say.
    Reset,
    /// Stand in its place.
    Override,
}

/// Why a text is no YAML, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Where reading ended.
    pub location: Location,
    /// What is wrong there, in one line.
    pub why: String,
}

/// The one document of a text. An empty text is `Null`.
pub(super) fn parse(file: &[u8], text: &[u8]) -> Result<Node, Malformed> {
    let text = std::str::from_utf8(text).map_err(|error| no_text(file, text, error.valid_up_to()))?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH, max_nodes: NODES },
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Ok(Node::of(raw, file, text)),
        Err(_) if text.trim().is_empty() => Ok(Node::null(file)),
        Err(error) => {
            let at = error.location().filter(|at| at.line() > 0);
            let place = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            let (line, column) = at.map_or((1, 1), |at| (place(at.line()), place(at.column())));
            Err(Malformed { location: location(file, line, column), why: words(error.without_snippet()) })
        }
    }
}

/// One line, for those who wrote the file: the parser's own words are for those who call it.
fn words(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key} stands here a second time")
        }
        Error::DuplicateMappingKey { key: None, .. } => "a key stands here a second time".into(),
        Error::MultipleDocuments { .. } => "a second document begins here; one file is to hold one".into(),
        error => {
            let text = error.to_string();
            // Its type is lost on the way out of an alias.
            if text.contains("budget breached") {
                return format!("more than {NODES} values, or more than {DEPTH} in each other");
            }
            // It ends with the place, which stands before it here.
            text.lines().next().and_then(|line| line.split(" at line ").next()).unwrap_or_default().to_owned()
        }
    }
}

/// Bytes that are no UTF-8.
fn no_text(file: &[u8], text: &[u8], valid: usize) -> Malformed {
    let before = String::from_utf8_lossy(&text[..valid]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Malformed { location: location(file, place(line), place(column)), why: "this is no UTF-8 text".into() }
}

fn location(file: &[u8], line: u32, column: u32) -> Location {
    Location { file: file.to_vec(), line: line.max(1), column: column.max(1) }
}

impl Node {
    fn null(file: &[u8]) -> Self {
        Self { value: Value::Null, at: location(file, 1, 1), bytes: 0..0, tag: None }
    }

    fn of(raw: Spanned<Raw>, file: &[u8], text: &str) -> Self {
        let at = raw.defined;
        let place = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let span = at.span();
        let start = span.byte_offset().and_then(|start| usize::try_from(start).ok()).unwrap_or_default();
        let length = span.byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        let bytes = start.min(text.len())..start.saturating_add(length).min(text.len());
        let node = |raw| Self::of(raw, file, text);
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Scalar(text) => Value::Scalar(text),
            Raw::Sequence(items) => Value::Sequence(items.into_iter().map(node).collect()),
            Raw::Mapping(pairs) => {
                Value::Mapping(pairs.into_iter().map(|(key, value)| (node(key), node(value))).collect())
            }
        };
        let tag = text.get(..bytes.start).and_then(tag_before);
        Self { value, at: location(file, place(at.line()), place(at.column())), bytes, tag }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Scalar(text) = &self.value { Some(text) } else { None }
    }

    /// The values of a sequence; of anything else none.
    pub(super) fn items(&self) -> &[Node] {
        if let Value::Sequence(items) = &self.value { items } else { &[] }
    }

    /// The pairs of a mapping; of anything else none.
    pub(super) fn pairs(&self) -> &[(Node, Node)] {
        if let Value::Mapping(pairs) = &self.value { pairs } else { &[] }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// A key and its value.
    pub(super) fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        self.pairs().iter().find(|(name, _)| name.text() == Some(key))
    }

    /// Whether a scalar says yes.
    pub(super) fn is_true(&self) -> bool {
        self.text() == Some("true")
    }
}

/// A tag of Compose that stands right before a value.
fn tag_before(text: &str) -> Option<Tag> {
    let line = text.trim_end_matches([' ', '\n', '\r']);
    let ends = |tag: &str| line.strip_suffix(tag).is_some_and(|rest| rest.ends_with([' ', '\n']));
    if ends("!reset") { Some(Tag::Reset) } else { ends("!override").then_some(Tag::Override) }
}

/// What the parser hands over, before places are ours. `Spanned` stands around it, never inside an untagged enum,
/// where it has no place.
enum Raw {
    Null,
    Scalar(String),
    Sequence(Vec<Spanned<Raw>>),
    Mapping(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

/// Scalars of every type are their text.
macro_rules! scalars {
    ($($method:ident: $type:ty),+ $(,)?) => {
        $(fn $method<E>(self, value: $type) -> Result<Raw, E> {
            Ok(Raw::Scalar(value.to_string()))
        })+
    };
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    scalars! {
        visit_str: &str, visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128,
        visit_f64: f64,
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(Raw::Mapping(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(node: &Node) -> (u32, u32) {
        (node.at.line, node.at.column)
    }

    #[test]
    fn every_value_knows_its_place() {
        let text = "a:\n  - é: x\n    b: 'q: r'\n  - 12\n  - true\n  - ~\n";
        let tree = parse(b"f.yml", text.as_bytes()).unwrap();
        let items = tree.get("a").unwrap().items();
        let quoted = items[0].get("b").unwrap();
        assert_eq!((quoted.text(), place(quoted)), (Some("q: r"), (3, 8)));
        assert_eq!(&text[quoted.bytes.clone()], "'q: r'");
        assert_eq!(place(items[0].get("é").unwrap()), (2, 8));
        assert_eq!((items[1].text(), items[2].text()), (Some("12"), Some("true")));
        assert_eq!(items[3].value, Value::Null);
    }

    #[test]
    fn anchors_and_merge_keys_lead_to_what_they_name() {
        let text = "x-a: &a\n  v: [one]\n  w: 1\ns:\n  <<: *a\n  w: 2\nt: *a\n";
        let tree = parse(b"f", text.as_bytes()).unwrap();
        let merged = tree.get("s").unwrap();
        assert_eq!(merged.get("w").unwrap().text(), Some("2"));
        assert_eq!(place(&merged.get("v").unwrap().items()[0]), (2, 7));
        assert_eq!(tree.get("t").unwrap().get("w").unwrap().text(), Some("1"));
    }

    #[test]
    fn the_tags_of_compose_are_kept() {
        let text = "a: !reset null\nb: !override\n  - x\nc: !reset []\nd: !other x\ne: !override {f: 1}\n";
        let tree = parse(b"f", text.as_bytes()).unwrap();
        let tag = |key: &str| tree.get(key).unwrap().tag;
        assert_eq!(
            ["a", "b", "c", "d", "e"].map(tag),
            [Some(Tag::Reset), Some(Tag::Override), Some(Tag::Reset), None, Some(Tag::Override)]
        );
    }

    #[test]
    fn what_is_no_yaml_says_where() {
        let malformed = |text: &[u8]| {
            let Malformed { location, why } = parse(b"f", text).unwrap_err();
            assert!(!why.is_empty() && !why.contains('\n'), "{why}");
            assert!(!["Options", "from_str", "budget"].iter().any(|word| why.contains(word)), "{why}");
            (location.line, location.column, why)
        };
        for (text, line) in [
            (&b"a: b\n c: d\n"[..], 2),
            (b"a: [b\n", 1),
            (b"a: \"b\n", 2),
            (b"a: b\na: c\n", 2),
            (b"a: b\n\xff", 2),
            (b"a: *b", 1),
            (b"a: b\n---\nc: d\n", 3),
        ] {
            let found = malformed(text);
            assert_eq!(found.0, line, "{found:?} {}", text.escape_ascii());
        }
        let deep = "[".repeat(100_000);
        malformed(deep.as_bytes());
        let line = |n: u32| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1);
        let bomb: Vec<String> = (1..30).map(line).collect();
        malformed(format!("a0: &a0 [x]\n{}", bomb.concat()).as_bytes());
        assert_eq!(parse(b"f", b"").unwrap().value, Value::Null);
    }
}
