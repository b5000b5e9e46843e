//! `completions`: the script of a shell, and what the script asks while somebody types.

use std::collections::BTreeSet;

use clap::Command;
use clap_complete::{Shell, generate};

use crate::cli::help;
use crate::facts::sockets::{self, Ask};
use crate::model::{Address, SocketState};

/// The names offered at once: more than anybody reads.
const MOST: usize = 1000;

/// The script of a shell. What is hidden from people is hidden from completion.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let all = help::command();
    let mut visible = Command::new("sockdoctor")
        .disable_help_subcommand(true)
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments().cloned())
        .subcommands(all.get_subcommands().filter(|command| !command.is_hide_set()).cloned());
    let mut script = Vec::new();
    generate(shell, &mut visible, "sockdoctor", &mut script);
    match shell {
        Shell::Bash => script.extend_from_slice(include_bytes!("completion/bash")),
        Shell::Zsh => script = with_sockets_in_zsh(&String::from_utf8_lossy(&script)),
        Shell::Fish => {
            script.extend_from_slice(include_bytes!("completion/fish"));
            for name in
                visible.get_subcommands().filter(|command| takes_sockets(command)).map(Command::get_name)
            {
                let condition = format!("__fish_sockdoctor_using_subcommand {name}");
                let line = format!("complete -c sockdoctor -n '{condition}' -a '(__sockdoctor_socket)'\n");
                script.extend_from_slice(line.as_bytes());
            }
        }
        _ => {}
    }
    script
}

fn takes_sockets(command: &Command) -> bool {
    command.get_positionals().any(|argument| matches!(argument.get_id().as_str(), "target" | "targets"))
}

/// zsh's script ends with a call of what it defines; its arguments are lines of `'name -- help:action'`.
fn with_sockets_in_zsh(script: &str) -> Vec<u8> {
    let mut text = String::new();
    for line in script.split_inclusive('\n') {
        if line.starts_with("if [ \"$funcstack[1]\"") {
            text.push_str(include_str!("completion/zsh"));
        }
        if line.contains("target -- ") || line.contains("targets -- ") {
            text.push_str(&line.replace(":_files'", ":_sockdoctor_socket'"));
        } else {
            text.push_str(line);
        }
    }
    text.into_bytes()
}

/// The listeners of our network namespace whose name begins so, a line each, sorted; no file is touched. A name that
/// would not stay on its line, or would move the terminal's cursor, is left out.
pub(super) fn candidates(prefix: &[u8]) -> Vec<u8> {
    let rows = sockets::ours(Ask { owners_only: true, memory: false });
    let whole = |address: &Address| match address {
        Address::Path(path) if path.starts_with(b"/") => Some(path.to_vec()),
        Address::Abstract(name) => Some([b"@", &name[..]].concat()),
        _ => None,
    };
    let listening = rows.iter().filter(|row| row.state == SocketState::Listening);
    let found: BTreeSet<Vec<u8>> = listening
        .filter_map(|row| whole(&row.address))
        .filter(|name| name.starts_with(prefix) && !name.iter().any(u8::is_ascii_control))
        .take(MOST)
        .collect();
    found.into_iter().flat_map(|name| [name, b"\n".to_vec()]).flatten().collect()
}
