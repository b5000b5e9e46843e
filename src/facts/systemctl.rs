//! What systemd says of a unit, asked with one systemctl(1).

use std::io;
use std::time::Duration;

use super::{proc_file, program};
use crate::model::Gap;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A unit, as far as it says who runs in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Unit {
    /// Its main process while it runs.
    pub(super) main_pid: Option<u32>,
    /// `User=`; empty: root.
    pub(super) user: String,
    /// `Group=`; empty: the user's own.
    pub(super) group: String,
    /// `SupplementaryGroups=`
    pub(super) groups: Vec<String>,
    /// `DynamicUser=`: its uid exists only while it runs.
    pub(super) dynamic_user: bool,
}

/// Its full name: systemctl(1) takes a name without an ending for a service.
pub(super) fn full_name(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{name}.service") }
}

/// Asks for a unit. `Ok(None)`: there is none of that name.
pub(super) fn show(name: &str) -> Result<Option<Unit>, Gap> {
    let arguments =
        ["show", "--property=LoadState,MainPID,User,Group,SupplementaryGroups,DynamicUser", "--", name];
    let gap = |why: String| Gap::new(format!("systemctl show {name}"), why);
    match program::ask("systemctl", &arguments, PATIENCE) {
        Ok((text, status)) if status.success() => Ok(parse(&String::from_utf8_lossy(&text))),
        Ok(_) => Err(gap("systemd does not answer here".into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(gap("there is no systemctl here".into()))
        }
        Err(error) => Err(gap(proc_file::why(&error))),
    }
}

fn parse(text: &str) -> Option<Unit> {
    let mut unit = Unit::default();
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        match name {
            "LoadState" if value == "not-found" => return None,
            "MainPID" => unit.main_pid = value.parse().ok().filter(|pid| *pid != 0),
            "User" => value.clone_into(&mut unit.user),
            "Group" => value.clone_into(&mut unit.group),
            "SupplementaryGroups" => unit.groups = value.split_whitespace().map(str::to_owned).collect(),
            "DynamicUser" => unit.dynamic_user = value == "yes",
            _ => {}
        }
    }
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemctl_shows_is_understood() {
        let text = "MainPID=812\nUser=www-data\nGroup=\nSupplementaryGroups=adm ssl-cert\nDynamicUser=no\nLoadState=loaded\n";
        let unit = parse(text).unwrap();
        assert_eq!(
            (unit.main_pid, unit.user.as_str(), unit.groups),
            (Some(812), "www-data", vec!["adm".into(), "ssl-cert".into()])
        );
        assert_eq!(parse("MainPID=0\nLoadState=loaded\n").unwrap().main_pid, None);
        assert_eq!(parse("LoadState=not-found\nMainPID=0\n"), None);
        assert_eq!(full_name("nginx"), "nginx.service");
        assert_eq!(full_name("a.socket"), "a.socket");
    }
}
