//! `completions` and `man`: what is printed for packages.

use clap::Args;
use clap_complete::Shell;

use super::Page;
use super::values::{pages, shells};

/// `completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = shells())]
    pub shell: Shell,
}

/// `man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Which page
    #[arg(default_value = "1", value_parser = pages())]
    pub page: Page,
}
