//! What systemd says of a unit, asked with one systemctl(1).

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;

use super::{proc_file, program};
use crate::model::{Gap, Seen, UnitState};

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

/// The .socket and .service units that are not inactive, each with its `ActiveState`. All of them are one call on the
/// bus, which reads no files: `show` is one for each.
pub fn awake() -> Result<HashMap<String, String>, Gap> {
    let form = ["--type=socket,service", "--full", "--plain", "--no-legend", "--no-pager"];
    ask(&[&["list-units"], &form[..]].concat()).map(|text| parse_awake(&text))
}

/// How systemd has these units, those that it knows. Where it does not tell of all in time, what it told of.
pub fn states(names: &[&str]) -> Seen<Vec<UnitState>> {
    if names.is_empty() {
        return Seen::default();
    }
    let properties = "--property=Id,ActiveState,Result,MainPID,NeedDaemonReload";
    let told = match program::listen("systemctl", &[&["show", properties, "--"], names].concat(), PATIENCE) {
        Ok(told) => told,
        Err(error) => return Seen { items: vec![], gaps: vec![unheard("show", &error)] },
    };
    let text = String::from_utf8_lossy(&told.text);
    let done = told.status.is_some_and(|status| status.success());
    // Of the last unit it may be half of what there is to tell.
    let whole = if done { &*text } else { text.rsplit_once("\n\n").map_or("", |(whole, _)| whole) };
    let items = parse_states(whole);
    let gaps = if done { vec![] } else { vec![untold(names, &items, told.status.is_none())] };
    Seen { items, gaps }
}

/// The units that it did not tell of, with the names of the first.
fn untold(names: &[&str], told: &[UnitState], late: bool) -> Gap {
    const SHOWN: usize = 4;
    let known: HashSet<&str> = told.iter().map(|state| state.name.as_str()).collect();
    let left: Vec<&str> = names.iter().copied().filter(|name| !known.contains(name)).collect();
    let more = left.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let why = if late {
        format!("no answer within {} s", PATIENCE.as_secs())
    } else {
        "systemd does not answer here".into()
    };
    let shown = left.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    Gap::new("systemctl show", format!("{why} about {shown}{more}"))
}

fn ask(arguments: &[&str]) -> Result<String, Gap> {
    let verb = arguments.first().copied().unwrap_or_default();
    match program::ask("systemctl", arguments, PATIENCE) {
        Ok((text, status)) if status.success() => Ok(String::from_utf8_lossy(&text).into_owned()),
        Ok(_) => Err(Gap::new(format!("systemctl {verb}"), "systemd does not answer here")),
        Err(error) => Err(unheard(verb, &error)),
    }
}

fn unheard(verb: &str, error: &io::Error) -> Gap {
    let missing = error.kind() == io::ErrorKind::NotFound;
    let why = if missing { "there is no systemctl here".into() } else { proc_file::why(error) };
    Gap::new(format!("systemctl {verb}"), why)
}

/// Lines of `UNIT LOAD ACTIVE SUB DESCRIPTION`, some after a mark.
fn parse_awake(text: &str) -> HashMap<String, String> {
    let of_line = |line: &str| {
        let mut words = line.split_whitespace().skip_while(|word| !word.contains('.'));
        let (name, _load, active) = (words.next()?, words.next()?, words.next()?);
        (active != "inactive").then(|| (name.to_owned(), active.to_owned()))
    };
    text.lines().filter_map(of_line).collect()
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
        let text = "a.service loaded active running A server. Of mine\n● b.socket loaded failed failed B\n\
                    c.service loaded inactive dead start C\n\n";
        let awake = parse_awake(text);
        assert_eq!(
            (awake.len(), awake["a.service"].as_str(), awake["b.socket"].as_str()),
            (2, "active", "failed")
        );
        let gap = untold(&["a.socket", "b.socket", "a.service"], &states, true);
        assert_eq!(gap.why, "no answer within 2 s about b.socket");
        assert_eq!(full_name("nginx"), "nginx.service");
        assert_eq!(full_name("a.socket"), "a.socket");
    }
}
