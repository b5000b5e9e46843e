//! What `-h`, `--help`, the bare command and sockdoctor(1) say beside the flags themselves.

use clap::{Command, CommandFactory};

use super::Cli;

/// What it looks at, what it judges and what it never does.
pub const DESCRIPTION: &str = "\
Tells why a Unix domain socket does not work, and what to do about it

It looks at the socket's file, at the kernel's sockets in every network namespace and at the processes that hold \
them, names the cause with the evidence for it, and prints the command that fixes it. It runs as an ordinary user \
and says what it could not see. It changes nothing but by `clean --apply` and `guard`, and only `probe`, `wait` and `guard` connect to a server; \
`preflight` takes back what it makes.";

/// The most usual lines.
pub const EXAMPLES: &str = "  sockdoctor /run/app.sock                   why does this socket not work?
  sockdoctor access /run/app.sock --as USER  what stops USER, if anything does?
  sockdoctor list                            every bound socket with its verdict
  sockdoctor explain 'LOG LINE'              what it means, and what to run next";

/// For each command the lines that teach it.
const OF_COMMANDS: [(&str, &str); 18] = [
    (
        "inspect",
        "  sockdoctor inspect /run/app.sock         everything about one socket; inspect may be left out
  sockdoctor /run/app.sock /run/db.sock    two of them
  sockdoctor /run/myapp                    every socket in a directory
  sockdoctor @name                         an abstract socket
  sockdoctor inode:31200                   a socket by the number ss(8) and lsof(8) print
  sockdoctor -v --json /run/app.sock       all facts, for a program",
    ),
    (
        "access",
        "  sockdoctor access /run/app.sock --as www-data      would a new process of this user get in?
  sockdoctor access /run/app.sock --unit nginx       each identity that runs in the unit
  sockdoctor access /run/app.sock --pid 812          this very process, with its own view of the files
  sockdoctor access /run/app.sock --uid 1000 --gid 1000,33
  sockdoctor access /run/app.sock --connected        who is connected now
  sockdoctor access /run/app.sock                    you",
    ),
    (
        "list",
        "  sockdoctor list                          every bound socket, the broken ones first
  sockdoctor list --stale                  files that no process has bound too
  sockdoctor list --match '/run/*.sock'    some of them
  sockdoctor list --user www-data          what a user's processes hold
  sockdoctor list --view 812               as that process sees the names: its root, its mounts
  sockdoctor list --fields name,queue,holders --sort queue
  sockdoctor list --fail-on error -q       exit status 1 when one is broken",
    ),
    (
        "wait",
        "  sockdoctor wait /run/app.sock            until it takes connections, 30 s at most
  sockdoctor wait /run/app.sock --timeout 2m -- nginx -g 'daemon off;'
  sockdoctor wait /run/app.sock @db tcp:127.0.0.1:5432    all of them; --any: the first
  sockdoctor wait /run/app.sock --http /health      until it answers with 200 to 399
  sockdoctor wait --once -q /run/app.sock  is it ready now? the exit status tells
  sockdoctor wait --gone /run/app.sock     until nobody serves it
  sockdoctor wait --while-pid 4242 /run/app.sock   gives up when its server ends",
    ),
    (
        "probe",
        "  sockdoctor probe /run/app.sock --http /health     ask an HTTP server, expect 200 to 399
  sockdoctor probe /run/app.sock --http / --expect 2xx --expect-json /status=ok
  sockdoctor probe http://127.0.0.1:5001/health     the same over TCP
  sockdoctor probe /run/redis/redis.sock            listen first, then what it is known to speak
  sockdoctor probe /run/app.sock --http / -n 100    how long it takes: p50, p90, p99
  sockdoctor probe /run/app.sock --http / --body-only    instead of curl -s --unix-socket
  sockdoctor probe --http /                         every listener known to speak HTTP
  sockdoctor probe --like haproxy.cfg:app/one       the check that HAProxy makes, and its verdict",
    ),
    (
        "preflight",
        "  sockdoctor preflight /run/app            would a socket work there? one is made and taken back
  sudo sockdoctor preflight /run/app --server www-data    as the user that the server runs as
  sockdoctor preflight /run/app --name app.sock           does the path fit into an address?
  sudo sockdoctor preflight /run/app --server app --as nginx    would the client come to it?
  sockdoctor preflight /mnt/share --no-trial              only look
  sockdoctor preflight --compose compose.yml         will its services meet at their sockets?
  sockdoctor preflight --compose compose.yml --target-os macos --format github
  sockdoctor preflight --compose compose.yml compose.prod.yml --env-file prod.env
  sockdoctor preflight -q --compose compose.yml --diff | patch -p0    apply the fixes",
    ),
    (
        "scan",
        "  sockdoctor scan                          this host: its sockets, its units, its servers and proxies
  sockdoctor scan --config deploy/         files alone, as in CI: no root, nothing is asked of the machine
  sockdoctor --root /mnt scan              an image: what its files say
  sockdoctor scan --format sarif -o scan.sarif",
    ),
    (
        "clean",
        "  sockdoctor clean                         the stale socket files of this host, with proof; a plan
  sockdoctor clean /run/app                those of a directory
  sockdoctor clean /run/app.sock --apply   remove it, if it is proven stale
  sockdoctor clean --fail-on error -q      exit status 1 when there is one",
    ),
    (
        "watch",
        "  sudo sockdoctor watch /run/app.sock      who makes, changes and removes it; Ctrl-C ends it
  sockdoctor watch /run/app                every socket in a directory, which may be made again
  sockdoctor watch /run/app.sock --until gone       until nobody serves it any more
  sockdoctor watch /run/app.sock --duration 10m --format ndjson    one event a line
  sockdoctor watch /run/app.sock --duration 60s -o trace.txt       the whole at its end
Status 1: a listener lost its file and listened on, or --until was not met within --duration; 3: nothing could be
watched; 130, 143: a signal came before --until was met. It ends well by Ctrl-C.",
    ),
    (
        "guard",
        "  sockdoctor guard /run/app.sock --http /health --dry-run    what would be done now?
  sockdoctor guard /run/app.sock --http /health --restart-unit app --state /var/lib/app.guard
  sockdoctor guard /run/app.sock --http /health --state app.guard -- ./restart-app
  sockdoctor guard /run/app.sock --http / --restart-unit app --every 30s --max-repairs 3/1h",
    ),
    (
        "graph",
        "  sockdoctor graph                         every bound socket, who holds it, who is connected
  sockdoctor graph /run/app.sock           one of them
  sockdoctor graph /run/app --format mermaid    a diagram for an issue or a wiki
  sockdoctor graph --format dot | dot -Tsvg -o sockets.svg",
    ),
    (
        "merge",
        "  sockdoctor scan --json -o web1.json      on each host; its file is called after it
  sockdoctor merge reports/*.json          which hosts share which finding, the worst first
  sockdoctor merge -v reports/*.json       with every host's name
  sockdoctor merge reports/*.json --format markdown",
    ),
    (
        "explain",
        "  sockdoctor explain SD104                 what a code means
  sockdoctor explain ECONNREFUSED          what an errno can mean; 111 is the same
  sockdoctor explain 'connect() to unix:/run/app.sock failed (2: No such file or directory)'
  tail -1 error.log | sockdoctor explain - the causes of a logged line, and what to run next
  sockdoctor explain --list                all that is known",
    ),
    (
        "demo",
        "  sockdoctor demo                          a listener whose file was removed
  sockdoctor demo stale-socket-file        another one
  sockdoctor demo --list                   their names",
    ),
    (
        "self-check",
        "  sockdoctor self-check                    what an ordinary user's run can see here
  sudo sockdoctor self-check               what root's can
  sockdoctor self-check --json             for a public bug report: it names no user",
    ),
    (
        "completions",
        "  sockdoctor completions bash > ~/.local/share/bash-completion/completions/sockdoctor
  sockdoctor completions zsh > ~/.zfunc/_sockdoctor            (a directory of $fpath)
  sockdoctor completions fish > ~/.config/fish/completions/sockdoctor.fish",
    ),
    (
        "man",
        "  sockdoctor man | man -l -                sockdoctor(1)
  sockdoctor man rules | man -l -          sockdoctor-rules(7), every diagnosis
  sockdoctor man 7 -o sockdoctor-rules.7   into a file",
    ),
    (
        "schema",
        "  sockdoctor schema                        print it
  sockdoctor schema -o sockdoctor.json     into a file",
    ),
];

/// What a caller may rely on.
pub const EXIT_STATUS: &str = "  0  answered, nothing at or above --fail-on
  1  answered, a problem was found
  2  the command line was wrong
  3  the question stays open: something that decides it could not be seen
124  wait: not ready in time; 126, 127: its command could not be run, was not found";

const MORE: &str = "\
More:
  sockdoctor man                   the manual; `sockdoctor man rules`: every diagnosis
  sockdoctor explain SD102         one diagnosis: what it means, how it is known, the fix";

/// Left out of the one screen, named at its end.
const RARELY: [&str; 11] = [
    "watch",
    "clean",
    "guard",
    "graph",
    "merge",
    "explain",
    "demo",
    "self-check",
    "completions",
    "man",
    "schema",
];

const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// The lines that teach a command.
pub fn examples(command: &str) -> Option<&'static str> {
    OF_COMMANDS.iter().find(|(name, _)| *name == command).map(|(_, examples)| *examples)
}

/// The whole command line, with its help.
pub fn command() -> Command {
    let end = format!("Exit status:\n{EXIT_STATUS}\n\n{MORE}");
    let mut command = Cli::command()
        .long_about(DESCRIPTION)
        .before_long_help(format!("Examples:\n{EXAMPLES}"))
        .after_long_help(end.clone())
        .help_template(TEMPLATE)
        .override_usage("sockdoctor [OPTIONS] [TARGET...]\n       sockdoctor [OPTIONS] <COMMAND>");
    for (name, examples) in OF_COMMANDS {
        command = command.mut_subcommand(name, |command| {
            command
                .before_long_help(format!("Examples:\n{examples}"))
                .after_help(format!("Examples and every option: sockdoctor {name} --help"))
                .after_long_help(end.clone())
                .help_template(TEMPLATE)
        });
    }
    command
}

/// One line what it is, four examples, the commands that are used most.
pub fn one_screen() -> Command {
    let (often, seldom) = RARELY.split_at(RARELY.len() / 2);
    let mut command = command()
        .before_help(EXAMPLES)
        .help_template(TEMPLATE.replace("\n\n{all-args}", "\n{all-args}"))
        .after_help(format!("More: {},\n      {}; sockdoctor --help", often.join(", "), seldom.join(", ")))
        .override_usage("sockdoctor [OPTIONS] [TARGET... | COMMAND]")
        .disable_help_flag(true)
        .disable_version_flag(true);
    for name in RARELY {
        command = command.mut_subcommand(name, |command| command.hide(true));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_shown_is_taught() {
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            assert!(examples(command.get_name()).is_some(), "{}", command.get_name());
        }
        let all = Cli::command();
        assert!(OF_COMMANDS.iter().all(|(name, _)| all.find_subcommand(name).is_some()));
    }
}
