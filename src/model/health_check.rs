//! How a proxy checks a server of its own, and what it makes of an answer.

use std::time::Duration;

use super::Unfinished::{Dripping, Silent};
use super::{HttpRequest, Miss, Outcome, Probed, Reply, Statuses, Target, Written, pattern};

/// The check that HAProxy makes of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// The backend, or the `listen` section.
    pub backend: String,
    /// The server's name in it.
    pub server: String,
    /// Where it connects to. `None`: an address that is no socket and no address of TCP, or not known here.
    pub target: Option<Target>,
    /// What it asks.
    pub asks: Asks,
    /// Until then it waits for an answer (`timeout check`, else `inter`).
    pub timeout: Duration,
    /// The server's line.
    pub written: Written,
    /// The line that says what is asked, where there is one.
    pub asked_at: Option<Written>,
}

/// What a check asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// There is no check: the server counts as up.
    Nothing,
    /// It connects, and no more.
    Connect,
    /// A request, and what is expected of its reply; nothing said: a status of 200 to 399.
    Http(HttpRequest, Vec<HealthExpect>),
    /// Something that is not replayed: why.
    Other(String),
}

/// One `http-check expect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthExpect {
    /// What is looked for.
    pub what: Expected,
    /// It must not be found.
    pub negated: bool,
    /// Where it says so.
    pub written: Written,
}

/// What is looked for in a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// One of these statuses.
    Status(Vec<Statuses>),
    /// A status that matches.
    StatusPattern(String),
    /// These bytes, in the body.
    Body(Vec<u8>),
    /// A body that matches.
    BodyPattern(String),
}

/// What HAProxy says of a server: its `check_status` (management.txt, 9.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckVerdict {
    /// `L7OK`, `L4CON` …
    pub word: &'static str,
    /// What was expected and did not come.
    pub miss: Option<(Miss, Option<Written>)>,
}

impl CheckVerdict {
    /// The server is up.
    pub fn is_up(&self) -> bool {
        matches!(self.word, "L4OK" | "L7OK")
    }
}

/// A check that was replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which.
    pub check: HealthCheck,
    /// With which result.
    pub verdict: CheckVerdict,
}

impl Checked {
    /// The address of TCP that took no connection.
    pub fn no_connection_to(&self) -> Option<&str> {
        match &self.check.target {
            Some(Target::Tcp(address)) if matches!(self.verdict.word, "L4CON" | "L4TOUT") => Some(address),
            _ => None,
        }
    }
}

impl HealthCheck {
    /// `backend/server`
    pub fn label(&self) -> String {
        format!("{}/{}", self.backend, self.server)
    }

    /// What HAProxy makes of what happened (`chk_report_conn_err` and `tcpcheck_eval_expect_http`, src/check.c and
    /// src/tcpcheck.c; measured with 2.6).
    pub fn verdict(&self, probed: &Probed) -> CheckVerdict {
        let plain = |word| CheckVerdict { word, miss: None };
        if probed.outcome == Outcome::NotConnected {
            let late = probed.errno().is_none_or(|errno| errno == nix::libc::ETIMEDOUT);
            return plain(match (&self.target, late) {
                // A Unix socket answers at once: what fails is the call itself.
                (Some(Target::Path(_) | Target::Abstract(_)), _) => "SOCKERR",
                (_, true) => "L4TOUT",
                (_, false) => "L4CON",
            });
        }
        let Asks::Http(_, expects) = &self.asks else { return plain("L4OK") };
        match (&probed.outcome, &probed.reply) {
            (Outcome::Answered, Some(reply)) => judged(expects, reply),
            (Outcome::NoReply | Outcome::Unfinished(Silent | Dripping), _) => plain("L7TOUT"),
            _ => plain("L7RSP"),
        }
    }
}

fn judged(expects: &[HealthExpect], reply: &Reply) -> CheckVerdict {
    let status = reply.status.unwrap_or_default();
    let got = status.to_string().into_bytes();
    if expects.is_empty() {
        let usual = Statuses::USUAL.holds(status);
        let miss = Miss { expected: format!("status {}", Statuses::USUAL), got };
        return if usual {
            CheckVerdict { word: "L7OK", miss: None }
        } else {
            CheckVerdict { word: "L7STS", miss: Some((miss, None)) }
        };
    }
    for expect in expects {
        let matches = |text: &str, bytes: &[u8]| pattern(text).is_ok_and(|pattern| pattern.is_match(bytes));
        let (word, found, wished, got) = match &expect.what {
            Expected::Status(statuses) => {
                let wished: Vec<String> = statuses.iter().map(ToString::to_string).collect();
                let held = statuses.iter().any(|statuses| statuses.holds(status));
                ("L7STS", held, format!("status {}", wished.join(" or ")), &got)
            }
            Expected::StatusPattern(text) => {
                ("L7STS", matches(text, &got), format!("status matching {text}"), &got)
            }
            Expected::Body(wanted) => {
                let held = reply.body.windows(wanted.len().max(1)).any(|part| part == wanted.as_slice());
                ("L7RSP", held, format!("body with {}", wanted.escape_ascii()), &reply.body)
            }
            Expected::BodyPattern(text) => {
                ("L7RSP", matches(text, &reply.body), format!("body matching {text}"), &reply.body)
            }
        };
        if found == expect.negated {
            let not = if expect.negated { "not " } else { "" };
            let got = got[..got.len().min(120)].to_vec();
            let miss = Miss { expected: format!("{not}{wished}"), got };
            return CheckVerdict { word, miss: Some((miss, Some(expect.written.clone()))) };
        }
    }
    CheckVerdict { word: "L7OK", miss: None }
}

#[cfg(test)]
impl HealthCheck {
    pub(crate) fn sample() -> Self {
        let request = HttpRequest::get(&Target::Path(b"/tmp/x.sock".to_vec()), "/health".into());
        Self {
            backend: "app".into(),
            server: "one".into(),
            target: Some(Target::Path(b"/tmp/x.sock".to_vec())),
            asks: Asks::Http(request, vec![]),
            timeout: Duration::from_secs(2),
            written: Written::sample(),
            asked_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StepName;

    fn answered(status: u16, body: &str) -> Probed {
        let reply = Reply { status: Some(status), body: body.into(), ..Reply::default() };
        Probed { reply: Some(reply), ..Probed::sample() }
    }

    fn expecting(what: Expected, negated: bool) -> HealthCheck {
        let request = HttpRequest::get(&Target::Tcp("h:1".into()), "/".into());
        let expect = HealthExpect { what, negated, written: Written::sample() };
        HealthCheck { asks: Asks::Http(request, vec![expect]), ..HealthCheck::sample() }
    }

    #[test]
    fn each_outcome_has_the_word_of_haproxy() {
        let check = HealthCheck::sample();
        let word = |probed: &Probed| check.verdict(probed).word;
        assert_eq!((word(&answered(200, "")), word(&answered(302, ""))), ("L7OK", "L7OK"));
        assert_eq!((word(&answered(503, "")), word(&answered(101, ""))), ("L7STS", "L7STS"));
        let ended = |at, outcome| word(&Probed::sample_failed(at, outcome));
        assert_eq!(ended(StepName::FirstByte, Outcome::NoReply), "L7TOUT");
        assert_eq!(ended(StepName::FirstByte, Outcome::Closed), "L7RSP");
        assert_eq!(ended(StepName::Reply, Outcome::Foreign(None)), "L7RSP");
        assert_eq!(ended(StepName::Connect, Outcome::NotConnected), "SOCKERR");
        let tcp = HealthCheck { target: Some(Target::Tcp("127.0.0.1:1".into())), ..HealthCheck::sample() };
        let mut refused = Probed::sample_failed(StepName::Connect, Outcome::NotConnected);
        refused.steps[0].errno = Some(nix::libc::ECONNREFUSED);
        assert_eq!(tcp.verdict(&refused).word, "L4CON");
        let plain = HealthCheck { asks: Asks::Connect, ..tcp };
        assert_eq!(plain.verdict(&Probed::sample()).word, "L4OK");
    }

    #[test]
    fn an_expectation_is_met_or_told() {
        let statuses = |text: &str| Expected::Status(vec![Statuses::parse(text).unwrap()]);
        let body = |text: &str| Expected::Body(text.into());
        for (what, negated, word) in [
            (statuses("200"), false, "L7OK"),
            (statuses("201"), false, "L7STS"),
            (statuses("200"), true, "L7STS"),
            (Expected::StatusPattern("^2".into()), false, "L7OK"),
            (body("ell"), false, "L7OK"),
            (body("no"), false, "L7RSP"),
            (Expected::BodyPattern("^h.*o$".into()), true, "L7RSP"),
        ] {
            let verdict = expecting(what.clone(), negated).verdict(&answered(200, "hello"));
            assert_eq!((verdict.word, verdict.miss.is_none()), (word, verdict.is_up()), "{what:?}");
        }
    }
}
