//! Lines of configuration without the secrets that can stand in them.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

/// What a secret follows, and the secret: a URL's password, a variable that is set, a value by its name.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let texts = [
        r#"(://[^/@:\s"']*:)[^/\s"']+(@)"#,
        r"((?:^|\s)(?:--env|-e)[ =]\w+=)\S+()",
        r#"((?i)(?:passw(?:or)?d|secret|token|api_?key|requirepass|masterauth|authorization|credentials?)["']?(?:\s*[=:]\s*|\s+))(?:"[^"]*"|'[^']*'|[^\s;&,"']+)()"#,
    ];
    // A secret need not be UTF-8.
    texts.iter().filter_map(|text| RegexBuilder::new(text).unicode(false).build().ok()).collect()
});

/// The line with `…` in place of each.
pub(super) fn masked(line: &[u8]) -> Vec<u8> {
    let mut line = line.to_vec();
    for secret in SECRETS.iter() {
        line = secret.replace_all(&line, "$1…$2".as_bytes()).into_owned();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_and_paths_are_not() {
        for (line, shown) in [
            (
                "DATABASE_URL=postgres://u:hunter2@/db?host=/run/pg",
                "DATABASE_URL=postgres://u:…@/db?host=/run/pg",
            ),
            (
                "gunicorn --env SECRET=x --bind unix:/run/a.sock",
                "gunicorn --env SECRET=… --bind unix:/run/a.sock",
            ),
            (
                "fastcgi_param DB_PASSWORD hunter2; fastcgi_pass unix:/run/a.sock;",
                "fastcgi_param DB_PASSWORD …; fastcgi_pass unix:/run/a.sock;",
            ),
            ("http-check send hdr Authorization \"Bearer x\"", "http-check send hdr Authorization …"),
            ("get /health?token=x&b=1", "get /health?token=…&b=1"),
            ("proxy_pass http://unix:/run/a.sock:/x@y;", "proxy_pass http://unix:/run/a.sock:/x@y;"),
            ("url postgres://u:p@ss:w@h/db", "url postgres://u:…@h/db"),
            ("requirepass foobared", "requirepass …"),
            ("server_tokens off;", "server_tokens off;"),
        ] {
            assert_eq!(String::from_utf8_lossy(&masked(line.as_bytes())), shown);
        }
    }

    #[test]
    fn a_secret_in_another_encoding_is_left_out_whole() {
        assert_eq!(masked(b"x=y password='a\xe9b' \xe9"), b"x=y password=\xe2\x80\xa6 \xe9");
    }

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(SECRETS.len(), 3);
    }
}
