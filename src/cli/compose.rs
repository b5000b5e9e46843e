//! What was typed of `preflight --compose`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};

use crate::model::TargetOs;

/// `preflight --compose`
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Compose files")]
pub struct ComposeArgs {
    /// Compose files; those of one directory are one project, a later one over an earlier one
    #[arg(long = "compose", value_name = "FILE", num_args = 1.., value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// What ${VAR} stands for; may be repeated [default: .env beside the first file]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "files")]
    pub env_file: Vec<PathBuf>,
    /// Services of this profile too, * for every one; may be repeated
    #[arg(long = "profile", value_name = "NAME", requires = "files")]
    pub profiles: Vec<String>,
    /// Where it is to run [default: here]
    #[arg(long, value_name = "OS", value_parser = target_os(), requires = "files")]
    pub target_os: Option<TargetOs>,
    /// Print the fixes as a patch too; with -q nothing else
    #[arg(long, requires = "files")]
    pub diff: bool,
}

fn target_os() -> impl TypedValueParser<Value = TargetOs> {
    let names = ["linux", "macos", "windows"].map(PossibleValue::new);
    PossibleValuesParser::new(names).map(|name| match name.as_str() {
        "macos" => TargetOs::Macos,
        "windows" => TargetOs::Windows,
        _ => TargetOs::Linux,
    })
}
