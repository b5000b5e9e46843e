//! One line of an audit log, or of the kernel's, that denies something. Pure.
//!
//! SELinux: `avc:  denied  { connectto } for  pid=7 comm="x" path="/x" …` (avc_audit_pre_callback,
//! security/selinux/avc.c). AppArmor: `apparmor="DENIED" operation="connect" profile="p" name="/x" …`
//! (audit_pre, security/apparmor/audit.c).

use crate::model::MacModule;

/// A denial, its strings decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) module: MacModule,
    pub(super) operation: Vec<u8>,
    /// The context or profile that was denied.
    pub(super) subject: Vec<u8>,
    pub(super) object: Option<Vec<u8>>,
    pub(super) command: Vec<u8>,
    pub(super) pid: Option<u32>,
    /// The whole path, or only the last name with the inode.
    pub(super) path: Option<Vec<u8>>,
    pub(super) name: Option<Vec<u8>>,
    pub(super) inode: Option<u64>,
}

/// What SELinux asks for a connect: on the file, then on the socket behind it.
const SELINUX: [(&[u8], &[u8]); 3] =
    [(b"sock_file", b"write"), (b"unix_stream_socket", b"connectto"), (b"unix_dgram_socket", b"sendto")];
/// What AppArmor calls it: of a path, of an abstract name, of a datagram.
const APPARMOR: [&[u8]; 3] = [b"connect", b"file_perm", b"sendmsg"];

/// A denied connect; `None` for every other line, for what was only logged (permissive, complain) too.
pub(super) fn parse(line: &[u8]) -> Option<Record> {
    if let Some(at) = find(line, b"avc:  denied  {") {
        let (operations, rest) = line[at..].split_at(find(&line[at..], b"}")?);
        let operations = operations.split(|byte| *byte == b'{').nth(1)?;
        let class = value(rest, b"tclass")?;
        let wanted = SELINUX.iter().find(|(of, _)| *of == class)?.1;
        let is_wanted = operations.split(|byte| *byte == b' ').any(|word| word == wanted);
        if !is_wanted || value(rest, b"permissive").is_some_and(|value| value == b"1") {
            return None;
        }
        return Some(Record {
            module: MacModule::Selinux,
            operation: wanted.to_vec(),
            subject: value(rest, b"scontext")?,
            object: value(rest, b"tcontext"),
            ..common(rest)
        });
    }
    let at = find(line, b"apparmor=\"DENIED\"")?;
    let rest = &line[at..];
    let operation = value(rest, b"operation").filter(|operation| APPARMOR.contains(&operation.as_slice()))?;
    let subject = value(rest, b"profile")?;
    let path = value(rest, b"name").filter(|name| name.starts_with(b"/"));
    Some(Record { module: MacModule::Apparmor, operation, subject, path, ..common(rest) })
}

fn common(rest: &[u8]) -> Record {
    let number = |key| String::from_utf8(value(rest, key)?).ok()?.parse().ok();
    Record {
        module: MacModule::Other,
        operation: Vec::new(),
        subject: Vec::new(),
        object: None,
        command: value(rest, b"comm").unwrap_or_default(),
        pid: number(b"pid").and_then(|pid: u64| pid.try_into().ok()),
        path: value(rest, b"path"),
        name: value(rest, b"name"),
        inode: number(b"ino"),
    }
}

/// What stands behind ` key=`: in quotes, or as hexadecimal digits where it holds what quotes could not
/// (audit_log_untrustedstring, kernel/audit.c).
fn value(text: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let start = [b" ", key, b"="].concat();
    let at = if text.starts_with(&start[1..]) { start.len() - 1 } else { find(text, &start)? + start.len() };
    let rest = text.get(at..)?;
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        return Some(quoted.split(|byte| *byte == b'"').next()?.to_vec());
    }
    let bare = rest.split(u8::is_ascii_whitespace).next()?;
    let untrusted = matches!(key, b"path" | b"name" | b"comm" | b"profile");
    Some(unhex(bare).filter(|_| untrusted).unwrap_or_else(|| bare.to_vec()))
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if rest.is_empty() && !pairs.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(file: &str) -> Vec<Record> {
        let path = format!("{}/fixtures/audit/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).unwrap().split(|byte| *byte == b'\n').filter_map(parse).collect()
    }

    #[test]
    fn selinux_denies_on_the_socket_and_on_its_file() {
        let found = records("selinux.log");
        let paths: Vec<_> = found.iter().map(|record| (record.path.as_deref(), record.inode)).collect();
        let wanted = [
            (Some(&b"/run/gunicorn/app.sock"[..]), None),
            (None, Some(1542)),
            (Some(&b"/run/my app.sock"[..]), None),
        ];
        assert_eq!(paths, wanted);
        assert_eq!(found[0].subject, b"system_u:system_r:httpd_t:s0");
        assert_eq!(found[1].name.as_deref(), Some(&b"app.sock"[..]));
        assert_eq!((found[0].pid, found[0].command.as_slice()), (Some(812), &b"nginx"[..]));
    }

    #[test]
    fn apparmor_denies_by_profile() {
        let found = records("apparmor.log");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].subject, b"snap.docker.docker");
        assert_eq!(found[0].path.as_deref(), Some(&b"/run/docker.sock"[..]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
            parse(&line);
            parse(&[b"avc:  denied  { write } for ", line.as_slice()].concat());
            parse(&[b"apparmor=\"DENIED\" operation=\"connect\" ", line.as_slice()].concat());
        }
    }
}
