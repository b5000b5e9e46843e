//! Which systemd unit and which container a cgroup path belongs to. Pure.

/// Digits of a container ID that people and tools use.
const SHORT_ID: usize = 12;

/// Digits of a whole container ID, as OCI runtimes' managers make them.
const WHOLE_ID: usize = 64;

/// Who a process belongs to, as far as its cgroup tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Membership {
    /// The innermost systemd unit that is not a container's own scope, spelt as systemctl(1) takes it.
    pub unit: Option<String>,
    /// It is a unit of a user's own manager, below that one's `user@UID.service`.
    pub user_unit: bool,
    /// The innermost container: its name where the path has one, else the first 12 digits of its ID.
    pub container: Option<String>,
}

/// Understands `/proc/PID/cgroup` (cgroups(7), "/proc files") of cgroup v1, v2 and both together.
///
/// systemd's own hierarchy is believed first, then the unified one, then the controllers'.
#[must_use]
pub fn parse(cgroup: &[u8]) -> Membership {
    let mut rows: Vec<(u8, &[u8])> = cgroup.split(|byte| *byte == b'\n').filter_map(row).collect();
    rows.sort_by_key(|(rank, _)| *rank);
    let mut membership = Membership::default();
    for (_, path) in rows {
        let of_row = of_path(&String::from_utf8_lossy(path));
        if membership.unit.is_none() {
            (membership.unit, membership.user_unit) = (of_row.unit, of_row.user_unit);
        }
        membership.container = membership.container.or(of_row.container);
    }
    membership
}

/// `4:memory:/path`, with how early it is to be believed.
fn row(line: &[u8]) -> Option<(u8, &[u8])> {
    let mut fields = line.splitn(3, |byte| *byte == b':');
    let hierarchy = fields.next()?;
    let controllers = fields.next()?;
    let path = fields.next()?;
    let rank = match (hierarchy, controllers) {
        (_, b"name=systemd") => 0,
        (b"0", b"") => 1,
        _ => 2,
    };
    // The kernel marks the cgroup of a zombie that has been removed since.
    Some((rank, path.strip_suffix(b" (deleted)").unwrap_or(path)))
}

fn of_path(path: &str) -> Membership {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut membership = Membership::default();
    for (index, part) in parts.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| parts.get(index)).copied();
        let after = parts.get(index + 1).copied();
        let container = container(before, part, after);
        if is_unit(part) && (container.is_none() || part.ends_with(".service")) {
            // A leading underscore keeps a unit's name apart from the kernel's own files (systemd, `cg_escape`).
            let manager = |part: &&str| part.starts_with("user@") && part.ends_with(".service");
            membership.user_unit = parts[..index].iter().any(manager);
            membership.unit = Some(part.strip_prefix('_').unwrap_or(part).to_owned());
        }
        membership.container = container.or(membership.container);
    }
    membership
}

/// The kinds of unit that have processes (systemd.unit(5)).
fn is_unit(part: &str) -> bool {
    let kinds = ["service", "socket", "scope", "slice", "mount"];
    part.rsplit_once('.').is_some_and(|(name, kind)| !name.is_empty() && kinds.contains(&kind))
}

fn container(before: Option<&str>, part: &str, after: Option<&str>) -> Option<String> {
    // systemd-nspawn itself stays outside the container it runs.
    if after == Some("supervisor") && nspawn(part).is_some() {
        return None;
    }
    id(part).or_else(|| nspawn(part)).or_else(|| lxc(before, part))
}

/// `docker-ID.scope`, `cri-containerd-ID.scope`, `libpod-ID`, `…:cri-containerd:ID`, and a bare ID below
/// `/docker` or `/kubepods`.
fn id(part: &str) -> Option<String> {
    let stem = part.strip_suffix(".scope").unwrap_or(part);
    let (manager, id) = stem.rsplit_once(['-', ':']).unwrap_or(("", stem));
    // conmon watches a container from outside.
    let whole = id.len() == WHOLE_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (whole && !manager.ends_with("conmon")).then(|| id.chars().take(SHORT_ID).collect())
}

fn nspawn(part: &str) -> Option<String> {
    let of_scope = || part.strip_prefix("machine-")?.strip_suffix(".scope");
    let of_service = || part.strip_prefix("systemd-nspawn@")?.strip_suffix(".service");
    let name = unescape(of_scope().or_else(of_service)?);
    // libvirt registers virtual machines the same way; QEMU's sockets are the host's.
    (!name.is_empty() && !name.starts_with("qemu-")).then_some(name)
}

fn lxc(before: Option<&str>, part: &str) -> Option<String> {
    let name = match before {
        Some("lxc" | "lxc.payload") => part,
        _ => part.strip_prefix("lxc.payload.")?,
    };
    (!name.is_empty()).then(|| name.to_owned())
}

/// Undoes systemd's `\xNN` (systemd.unit(5), "String escaping for inclusion in unit names").
fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        if let [b'\\', b'x', high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
            && let Ok(escaped) = u8::try_from(high * 16 + low)
        {
            bytes.push(escaped);
            rest = tail;
        } else {
            bytes.push(*byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const SHORT: Option<&str> = Some("0123456789ab");

    #[track_caller]
    fn expect(path: &str, unit: Option<&str>, container: Option<&str>) {
        let path = path.replace("ID", ID);
        let membership = parse(format!("0::{path}\n").as_bytes());
        let seen = (membership.unit.as_deref(), membership.container.as_deref());
        assert_eq!(seen, (unit, container), "{path}");
    }

    #[test]
    fn a_unit_below_a_users_manager_is_that_users() {
        let manager = "0::/user.slice/user-1000.slice/user@1000.service";
        for (below, user_unit) in [("", false), ("/app.slice/x.service", true)] {
            assert_eq!(parse(format!("{manager}{below}\n").as_bytes()).user_unit, user_unit, "{below}");
        }
        assert!(!parse(b"0::/system.slice/x.service\n").user_unit);
    }

    #[test]
    fn the_innermost_unit_is_named() {
        expect("/system.slice/nginx.service", Some("nginx.service"), None);
        expect("/init.scope", Some("init.scope"), None);
        expect("/user.slice/user-1000.slice/session-3.scope", Some("session-3.scope"), None);
        expect("/system.slice/x.service/worker/deep", Some("x.service"), None);
        expect("/system.slice/x.service (deleted)", Some("x.service"), None);
        expect(r"/system.slice/_my\x2dapp.service", Some(r"my\x2dapp.service"), None);
        expect("/../../system.slice/x.service", Some("x.service"), None);
        let user = "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service";
        expect(user, Some("x.service"), None);
    }

    #[test]
    fn a_root_or_foreign_path_names_nobody() {
        for path in ["/", "", "/.service", "/a/b", "/ecs/0123456789abcdef0123456789abcdef"] {
            expect(path, None, None);
        }
    }

    #[test]
    fn containers_by_id() {
        expect("/docker/ID", None, SHORT);
        expect("/system.slice/docker-ID.scope", Some("system.slice"), SHORT);
        expect("/machine.slice/libpod-ID.scope/container", Some("machine.slice"), SHORT);
        expect("/libpod_parent/libpod-ID", None, SHORT);
        expect("/kubepods/besteffort/pod1f2e/ID", None, SHORT);
        let slice = "kubepods-besteffort-pod1f2e.slice";
        let scope = format!("/kubepods.slice/{slice}/cri-containerd-ID.scope");
        expect(&scope, Some(slice), SHORT);
        expect(&scope.replace("cri-containerd", "crio"), Some(slice), SHORT);
        let misconfigured = "/system.slice/containerd.service/kubepods-pod1f2e.slice:cri-containerd:ID";
        expect(misconfigured, Some("containerd.service"), SHORT);
    }

    #[test]
    fn the_innermost_container_is_the_one_a_process_is_in() {
        let inner = "f".repeat(64);
        expect(&format!("/docker/ID/kubepods/pod1/{inner}"), None, Some("ffffffffffff"));
        expect("/lxc.payload.web/system.slice/docker-ID.scope", Some("system.slice"), SHORT);
        expect("/system.slice/docker-ID.scope/system.slice/x.service", Some("x.service"), SHORT);
    }

    #[test]
    fn what_watches_a_container_is_not_in_it() {
        expect("/machine.slice/libpod-conmon-ID.scope", Some(&format!("libpod-conmon-{ID}.scope")), None);
        expect("/lxc.monitor.web", None, None);
        expect(
            "/machine.slice/systemd-nspawn@web.service/supervisor",
            Some("systemd-nspawn@web.service"),
            None,
        );
        expect(r"/machine.slice/machine-qemu\x2d1\x2dvm.scope", Some(r"machine-qemu\x2d1\x2dvm.scope"), None);
    }

    #[test]
    fn containers_by_name() {
        expect(r"/machine.slice/machine-my\x2dbox.scope/payload", Some("machine.slice"), Some("my-box"));
        let nspawn = "/machine.slice/systemd-nspawn@web.service/payload";
        expect(nspawn, Some("systemd-nspawn@web.service"), Some("web"));
        let inside = "/machine.slice/systemd-nspawn@web.service/payload/system.slice/x.service";
        expect(inside, Some("x.service"), Some("web"));
        expect("/lxc.payload.web", None, Some("web"));
        expect("/lxc.payload.web/system.slice/x.service", Some("x.service"), Some("web"));
        expect("/lxc/101/ns", None, Some("101"));
    }

    #[test]
    fn systemds_hierarchy_goes_before_the_others() {
        let v1 = format!(
            "9:name=systemd:/system.slice/a.service\n4:memory:/docker/{ID}\n0::/system.slice/b.service\n"
        );
        let membership = parse(v1.as_bytes());
        assert_eq!(membership.unit.as_deref(), Some("a.service"));
        assert_eq!(membership.container.as_deref(), SHORT);
        let reversed = "4:memory:/x.slice\n0::/system.slice/b.service\n";
        assert_eq!(parse(reversed.as_bytes()).unit.as_deref(), Some("b.service"));
        let empty_systemd = "9:name=systemd:/\n0::/system.slice/b.service\n";
        assert_eq!(parse(empty_systemd.as_bytes()).unit.as_deref(), Some("b.service"));
    }

    #[test]
    fn hostile_names_stay_text() {
        assert_eq!(parse(b"0::/\xff\x1b.service").unit.as_deref(), Some("\u{fffd}\u{1b}.service"));
        assert_eq!(unescape(r"a\x2db\xzz\x2"), r"a-b\xzz\x2");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&text);
        }

        #[test]
        fn no_path_makes_it_panic(path in "[/a-f0-9.:@\\\\x-]{0,200}") {
            let _ = parse(format!("0::{path}").as_bytes());
        }
    }
}
