//! A fault of the program itself ends as one line and a status that decides nothing: it is never a diagnosis, and
//! whoever reads documents still gets one.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use crate::model::Failure;

use super::Refusal;

/// Runs it. `Err`: it panicked, and that has been said on standard error.
pub(super) fn contained<T>(run: impl FnOnce() -> T) -> Result<T, Refusal> {
    // Whoever wants to find the fault asks for the whole story.
    #[expect(clippy::disallowed_methods, reason = "the same variable that the standard library reads")]
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        panic::set_hook(Box::new(|panic| super::complain(&failure(panic))));
    }
    let hint = "this says nothing about the socket; RUST_BACKTRACE=1 shows where it happened";
    panic::catch_unwind(AssertUnwindSafe(run)).map_err(|_| Refusal::open("internal error", hint))
}

/// Where, and what it said: of std and of the crates used, mostly an errno that they did not expect.
fn failure(panic: &PanicHookInfo<'_>) -> Failure {
    let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
    let payload = panic.payload();
    let text =
        payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    let words = text.unwrap_or("no reason given").lines().collect::<Vec<_>>().join(" ");
    Failure { message: format!("internal error{}: {words}", place.unwrap_or_default()), hint: None }
}
