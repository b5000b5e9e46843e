//! What systemd says of a unit, asked with one systemctl(1).

use std::io;
use std::time::Duration;

use super::{proc_file, program};
use crate::model::{Gap, UnitState};

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
    let properties = "--property=LoadState,MainPID,User,Group,SupplementaryGroups,DynamicUser";
    ask(&["show", properties, "--", name]).map(|text| parse(&text))
}

/// How systemd has these units, those that it knows.
pub fn states(names: &[&str]) -> Result<Vec<UnitState>, Gap> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let properties = "--property=Id,ActiveState,Result,MainPID,NeedDaemonReload";
    let arguments = [&["show", properties, "--"], names].concat();
    Ok(parse_states(&ask(&arguments)?))
}

fn ask(arguments: &[&str]) -> Result<String, Gap> {
    let gap = |why: String| Gap::new("systemctl show", why);
    match program::ask("systemctl", arguments, PATIENCE) {
        Ok((text, status)) if status.success() => Ok(String::from_utf8_lossy(&text).into_owned()),
        Ok(_) => Err(gap("systemd does not answer here".into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(gap("there is no systemctl here".into()))
        }
        Err(error) => Err(gap(proc_file::why(&error))),
    }
}

/// Blocks of properties, one a unit, parted by empty lines.
fn parse_states(text: &str) -> Vec<UnitState> {
    let of_block = |block: &str| {
        let mut state = UnitState::default();
        for (name, value) in block.lines().filter_map(|line| line.split_once('=')) {
            match name {
                "Id" => value.clone_into(&mut state.name),
                "ActiveState" => value.clone_into(&mut state.active),
                "Result" => value.clone_into(&mut state.result),
                "MainPID" => state.main_pid = value.parse().ok().filter(|pid| *pid != 0),
                "NeedDaemonReload" => state.outdated = value == "yes",
                _ => {}
            }
        }
        state
    };
    text.split("\n\n").map(of_block).filter(|state| !state.name.is_empty()).collect()
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
        let text = "Id=a.socket\nActiveState=failed\nResult=service-start-limit-hit\nMainPID=0\nNeedDaemonReload=no\n\n\
                    MainPID=7\nId=a.service\nActiveState=active\nNeedDaemonReload=yes\nResult=success\n";
        let states = parse_states(text);
        assert_eq!((states.len(), states[0].result.as_str()), (2, "service-start-limit-hit"));
        assert_eq!((states[1].main_pid, states[1].outdated), (Some(7), true));
        assert_eq!(full_name("nginx"), "nginx.service");
        assert_eq!(full_name("a.socket"), "a.socket");
    }
}
