//! What people see and what it can mean: error texts of servers and clients, and every errno of a socket call.
//!
//! Pure: a text goes in, its meaning comes out, and nothing is looked up. What a cause is in full its rule says;
//! here stands only how to tell it from the others. One file a family; the specific stands before the general,
//! because the first that matches a line speaks for it.

mod clients;
mod databases;
mod errno;
mod haproxy;
pub mod log;
mod log_time;
mod nginx;
mod path;
mod pattern;
mod python;
mod recognise;
mod runtimes;
mod servers;
mod systemd;
#[cfg(test)]
mod tests;
mod words;

pub use recognise::{Meaning, of_errno, recognise};
pub use words::{name, number_of, words};

use crate::model::Call;

/// One thing an error can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// In which call it shows.
    pub call: Call,
    /// The rule that would find it; `None` for what no rule can see.
    pub code: Option<&'static str>,
    /// How to tell it from the other causes, in one line.
    pub when: &'static str,
}

/// A text that people see, or an errno, and what it can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symptom {
    /// The text as its program prints it; empty for a bare errno.
    pub seen: &'static str,
    /// What every such text matches, whatever its case: byte-wise regular expressions.
    pub patterns: &'static [&'static str],
    /// The errno it always means; `None`: what the text itself says, if anything.
    pub errno: Option<i32>,
    /// What it says about the world, in one sentence.
    pub says: &'static str,
    /// Most likely first.
    pub causes: &'static [Cause],
    /// What the errno means in this call follows the causes above.
    pub then: Option<Call>,
    /// The usual mistake, where there is one.
    pub note: Option<&'static str>,
}

impl Symptom {
    const NONE: Self =
        Self { seen: "", patterns: &[], errno: None, says: "", causes: &[], then: None, note: None };
}

/// The texts of one kind of program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// `nginx`
    pub name: &'static str,
    /// The specific before the general.
    pub symptoms: &'static [Symptom],
}

/// Every family of texts; an earlier one speaks first about a line that two know.
pub static FAMILIES: &[Family] = &[
    Family { name: "nginx", symptoms: nginx::SYMPTOMS },
    Family { name: "HAProxy", symptoms: haproxy::SYMPTOMS },
    Family { name: "PostgreSQL, MySQL, Redis", symptoms: databases::SYMPTOMS },
    Family { name: "systemd", symptoms: systemd::SYMPTOMS },
    Family { name: "Apache, php-fpm, uWSGI, supervisor", symptoms: servers::SYMPTOMS },
    Family { name: "curl, docker, ls, socat", symptoms: clients::SYMPTOMS },
    Family { name: "gunicorn, uvicorn, Python", symptoms: python::SYMPTOMS },
    Family { name: "Go, Node.js, Ruby, Rust, strace", symptoms: runtimes::SYMPTOMS },
];

const fn connect(code: &'static str, when: &'static str) -> Cause {
    Cause { call: Call::Connect, code: Some(code), when }
}

const fn bind(code: &'static str, when: &'static str) -> Cause {
    Cause { call: Call::Bind, code: Some(code), when }
}

const fn serve(code: &'static str, when: &'static str) -> Cause {
    Cause { call: Call::Serve, code: Some(code), when }
}

/// A cause that no rule can see.
const fn unseen(call: Call, when: &'static str) -> Cause {
    Cause { call, code: None, when }
}
