//! What HAProxy asks its servers: `option httpchk` and the `http-check` rules (configuration manual, 4.2).

use super::words::Word;
use crate::model::{Asks, Expected, Form, HealthExpect, HttpRequest, Statuses, Written, pattern};

/// How many rules of one check are kept.
const RULES: usize = 100;

/// The check of a section, as it is built up line by line.
#[derive(Debug, Clone, Default)]
pub(super) struct Check {
    kind: Kind,
    request: Request,
    asked_at: Option<Written>,
    rules: Vec<Rule>,
    /// The rules are those of `defaults`, which the first own one replaces.
    inherited: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Connect,
    Http,
    Other(String),
}

#[derive(Debug, Clone)]
struct Request {
    method: String,
    uri: String,
    version: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Rule {
    Send(Written),
    Expect(HealthExpect),
    /// What is not replayed, and whether it is one of `http-check`.
    Other(String, bool),
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "OPTIONS".into(),
            uri: "/".into(),
            version: "HTTP/1.0".into(),
            headers: vec![],
            body: vec![],
        }
    }
}

impl Check {
    /// The check that a section begins with, given that of its defaults.
    pub(super) fn inherited(&self) -> Self {
        Self { inherited: true, ..self.clone() }
    }

    /// `option NAME …`, or `no option NAME`.
    pub(super) fn option(&mut self, words: &[Word], negated: bool, written: &Written) {
        let Some(name) = words.first().map(|word| word.text.as_slice()) else { return };
        let is_check = name == b"httpchk"
            || name.ends_with(b"-check")
            || name.ends_with(b"-hello-chk")
            || name == b"smtpchk";
        if !is_check {
            return;
        }
        self.asked_at = Some(written.clone());
        self.kind = match name {
            _ if negated => Kind::Connect,
            b"tcp-check" => Kind::Connect,
            b"httpchk" => Kind::Http,
            _ => Kind::Other(format!("option {}", String::from_utf8_lossy(name))),
        };
        if self.kind == Kind::Http {
            self.request = asked(&words[1..]);
        }
    }

    /// `http-check …` or `tcp-check …`
    pub(super) fn rule(&mut self, words: &[Word], of_http: bool, written: &Written) {
        let Some((verb, rest)) = words.split_first() else { return };
        if matches!(verb.text.as_slice(), b"comment" | b"disable-on-404" | b"send-state") {
            return;
        }
        if std::mem::take(&mut self.inherited) {
            self.rules.clear();
        }
        let rule = match verb.text.as_slice() {
            b"connect" if rest.iter().all(|word| matches!(word.text.as_slice(), b"default" | b"linger")) => {
                return;
            }
            b"send" if of_http => {
                self.send(rest);
                Rule::Send(written.clone())
            }
            b"expect" if of_http => match expect(rest, written) {
                Some(expect) => Rule::Expect(expect),
                None => Rule::Other("its http-check expect".into(), true),
            },
            verb => {
                let family = if of_http { "http-check" } else { "tcp-check" };
                Rule::Other(format!("{family} {}", String::from_utf8_lossy(verb)), of_http)
            }
        };
        match self.rules.len() {
            ..RULES => self.rules.push(rule),
            RULES => self.rules.push(Rule::Other(format!("more than {RULES} rules"), of_http)),
            _ => {}
        }
    }

    /// `http-check send [meth M] [uri U] [ver V] [hdr N V] [body B]`: the first changes what `option httpchk` asks.
    fn send(&mut self, words: &[Word]) {
        let mut words = words.iter().map(text);
        while let Some(name) = words.next() {
            let mut value = || words.next().unwrap_or_default();
            match name.as_str() {
                "meth" => self.request.method = value(),
                "uri" => self.request.uri = value(),
                "ver" => self.request.version = value(),
                "hdr" => self.request.headers.push((value(), value())),
                "body" => self.request.body = value().into_bytes(),
                // A log format: what it becomes only HAProxy knows.
                "uri-lf" | "body-lf" => {
                    value();
                    self.rules.push(Rule::Other(format!("http-check send {name}"), true));
                }
                _ => {}
            }
        }
    }

    /// What it all comes to.
    pub(super) fn asks(&self) -> (Asks, Option<Written>) {
        let other = self.rules.iter().find_map(|rule| match rule {
            // Without `option httpchk` its rules do nothing.
            Rule::Other(why, of_http) if *of_http == (self.kind == Kind::Http) => Some(why.clone()),
            _ => None,
        });
        let sends: Vec<&Written> = self
            .rules
            .iter()
            .filter_map(|rule| if let Rule::Send(at) = rule { Some(at) } else { None })
            .collect();
        let asked_at = sends.first().copied().or(self.asked_at.as_ref()).cloned();
        let asks = match (&self.kind, other) {
            (Kind::Other(why), _) => Asks::Other(why.clone()),
            (_, Some(why)) => Asks::Other(why),
            (Kind::Connect, None) => Asks::Connect,
            (Kind::Http, None) if sends.len() > 1 => Asks::Other("several requests in one check".into()),
            (Kind::Http, None) => {
                let expects = self.rules.iter().filter_map(|rule| match rule {
                    Rule::Expect(expect) => Some(expect.clone()),
                    _ => None,
                });
                Asks::Http(self.request.whole(), expects.collect())
            }
        };
        (asks, asked_at)
    }
}

impl Request {
    /// As it goes over the wire: HTTP/1.1 closes, and nothing else is added (measured with 2.6).
    fn whole(&self) -> HttpRequest {
        let form = if self.version.starts_with("HTTP/1.1") { Form::Bare } else { Form::Bare10 };
        let mut headers = self.headers.clone();
        if form == Form::Bare && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("connection")) {
            headers.push(("connection".into(), "close".into()));
        }
        let host = headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = host.map(|at| headers.remove(at).1).unwrap_or_default();
        let (method, path, body) = (self.method.clone(), self.uri.clone(), self.body.clone());
        HttpRequest { method, path, host, headers, body, form }
    }
}

/// `[METHOD] [URI] [VERSION]`; one word alone is the URI, and a version may hide header fields.
fn asked(words: &[Word]) -> Request {
    let mut request = Request::default();
    let texts: Vec<String> = words.iter().map(text).collect();
    match texts.as_slice() {
        [] => {}
        [uri] => request.uri.clone_from(uri),
        [method, uri, rest @ ..] => {
            request.method.clone_from(method);
            request.uri.clone_from(uri);
            let Some(version) = rest.first() else { return request };
            let (head, body) = version.split_once("\r\n\r\n").unwrap_or((version, ""));
            let mut lines = head.split("\r\n");
            lines.next().unwrap_or_default().clone_into(&mut request.version);
            let fields = lines.filter_map(|line| line.split_once(':'));
            request.headers = fields.map(|(name, value)| (name.trim().into(), value.trim().into())).collect();
            request.body = body.into();
        }
    }
    request
}

/// `[OPTIONS] [!] MATCH PATTERN`
fn expect(words: &[Word], written: &Written) -> Option<HealthExpect> {
    let mut words = words.iter();
    let mut negated = false;
    loop {
        let word = words.next()?.text.as_slice();
        let what = match word {
            b"!" => {
                negated = true;
                continue;
            }
            b"min-recv" | b"comment" | b"on-success" | b"on-error" | b"status-code" => {
                words.next();
                continue;
            }
            b"status" => Expected::Status(statuses(&text(words.next()?))?),
            b"rstatus" => Expected::StatusPattern(pattern(&text(words.next()?)).ok()?.to_string()),
            b"string" => Expected::Body(words.next()?.text.clone()),
            b"rstring" => Expected::BodyPattern(pattern(&text(words.next()?)).ok()?.to_string()),
            // `error-status` and its kin change the word that HAProxy says.
            _ => return None,
        };
        return Some(HealthExpect { what, negated, written: written.clone() });
    }
}

/// `200,300-310`
fn statuses(text: &str) -> Option<Vec<Statuses>> {
    text.split(',').map(Statuses::parse).collect()
}

fn text(word: &Word) -> String {
    String::from_utf8_lossy(&word.text).into_owned()
}
