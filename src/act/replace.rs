//! Becoming another program: the same process, its standard streams and its signals as they were (execve(2)).

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Replaces this process by a program and its arguments, looked for in the PATH. It comes back only with the reason
/// why it could not.
pub fn with(program: &OsString, arguments: &[OsString]) -> io::Error {
    Command::new(program).args(arguments).exec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_leaves_us_as_we_are() {
        assert_eq!(with(&"/no/such/program".into(), &[]).kind(), io::ErrorKind::NotFound);
    }
}
