//! The only place where exit statuses appear.

use crate::model::Alarm;

/// Answered; nothing at or above `--fail-on`.
pub const ANSWERED: u8 = 0;
/// Answered; a problem found.
pub const PROBLEM: u8 = 1;
/// The command line, or an input file, was wrong. clap uses the same number.
pub const USAGE: u8 = 2;
/// The command's own question stays open.
pub const OPEN: u8 = 3;
/// `wait` timed out, as timeout(1) has it.
pub const TIMED_OUT: u8 = 124;
/// The command behind `--` could not be run, as env(1) has it.
pub const NOT_RUN: u8 = 126;
/// The command behind `--` was not found, as env(1) has it.
pub const NOT_FOUND: u8 = 127;

/// Of a state of the plugin convention, which has its own numbers
/// (<https://www.monitoring-plugins.org/doc/guidelines.html#AEN78>).
pub const fn of_alarm(alarm: Alarm) -> u8 {
    match alarm {
        Alarm::Ok => 0,
        Alarm::Warning => 1,
        Alarm::Critical => 2,
        Alarm::Unknown => 3,
    }
}

/// What shells make of a process that a signal(7) ended.
pub fn by_signal(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(PROBLEM)
}
