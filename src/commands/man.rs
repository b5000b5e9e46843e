//! The pages of the manual, from the same sources as `--help` and `explain`: sockdoctor(1) from the command line,
//! sockdoctor-rules(7) from the registry of rules.

mod commands;
mod roff;
mod rules;

use crate::cli::Page;

/// A page in roff (man(7)).
pub(super) fn page(page: Page) -> String {
    match page {
        Page::Commands => commands::page(),
        Page::Rules => rules::page(),
    }
}

/// The first line of a page; no date, so that the page depends on its sources alone.
fn title(name: &str, section: u8) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        ".\\\" Generated: sockdoctor man {section}\n.TH {name} {section} \"\" \"sockdoctor {version}\" \"sockdoctor\"\n"
    )
}
