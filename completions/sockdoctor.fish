# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sockdoctor_global_optspecs
    string join \n format= json o/output= report= fail-on= only= ignore= require-complete color= q/quiet v/verbose timeout= root= proc= h/help V/version
end

function __fish_sockdoctor_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sockdoctor_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sockdoctor_using_subcommand
    set -l cmd (__fish_sockdoctor_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -s V -l version -d 'Print version'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "inspect" -d 'Everything known about a socket, every rule, the verdict'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "access" -d 'Would this consumer get in, and what on the path stops it?'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "list" -d 'Every bound socket with its verdict'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "wait" -d 'Wait until a server takes connections, then run a command'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "probe" -d 'Talk to a server: what it says, or which step fails and why'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "preflight" -d 'Will a socket work there? By a trial, or by Compose files'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "scan" -d 'The whole host: every socket, and what configuration says of it'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "clean" -d 'Which socket files are stale, with proof; --apply removes those'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "watch" -d 'What happens to a socket: who makes, changes and removes its file, live'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "guard" -d 'Ask a server, and repair it when it has certainly failed'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "graph" -d 'Who talks to whom: consumers, sockets, holders'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "merge" -d 'The JSON reports of many hosts as one'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "explain" -d 'What a code, an errno or a pasted error text means'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "demo" -d 'Build a broken socket in a temporary directory and diagnose it'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "self-check" -d 'What this kernel and these privileges let it see, what would help'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "completions" -d 'Print the completions of a shell'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "man" -d 'Print a page of the manual'
complete -c sockdoctor -n "__fish_sockdoctor_needs_command" -f -a "schema" -d 'Print the JSON Schema of every --json output'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l as -d 'A user with its groups, as a new login or service has them; or with these groups instead' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l uid -d 'A uid' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l gid -d 'Its groups, the primary one first' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l pid -d 'A running process, with the identity and the view of the filesystem that it really has' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l unit -d 'A systemd unit: every identity that runs in it, or what it would run as' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l container -d 'A container: every identity that runs in it' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l expect-mode -d 'The mode the socket should have: 0660' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l expect-owner -d 'The owner it should have, by name or number' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l expect-group -d 'The group it should have, by name or number' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l sample -d 'Look again and again for this long: who still waits, what grows, which workers come and go' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l log -d 'Read these logs of the server, or of the proxy before it' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l connected -d 'Every process that is connected now'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l logs -d 'Read the journal of the holder\'s unit, of its present run'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l probe -d 'Also ask the server for its /, or what it is known to speak'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l as -d 'A user with its groups, as a new login or service has them; or with these groups instead' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l uid -d 'A uid' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l gid -d 'Its groups, the primary one first' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l pid -d 'A running process, with the identity and the view of the filesystem that it really has' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l unit -d 'A systemd unit: every identity that runs in it, or what it would run as' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l container -d 'A container: every identity that runs in it' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l connected -d 'Every process that is connected now'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand access" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l match -d 'Only names that match' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l pid -d 'Only sockets held by this process' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l user -d 'Only sockets held by processes of this user' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l view -d 'As a process, unit or container sees names: its root and mounts, its network namespace' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l fields -d 'Columns, in order' -r -f -a "verdict\t''
state\t''
type\t''
queue\t''
file\t''
mode\t''
owner\t''
holders\t''
unit\t''
netns\t''
inode\t''
peer\t''
uid\t''
memory\t''
name\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l sort -d 'Order by this column instead of worst first' -r -f -a "verdict\t''
state\t''
type\t''
queue\t''
file\t''
mode\t''
owner\t''
holders\t''
unit\t''
netns\t''
inode\t''
peer\t''
uid\t''
memory\t''
name\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l sample -d 'Look again and again for this long: who still waits, what grows, which workers come and go' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l log -d 'Read these logs of the server, or of the proxy before it' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l all -d 'Unbound and accepted sockets too'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l stale -d 'Socket files without a socket too'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l tcp -d 'TCP listeners too'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l no-holders -d 'Do not look for holders: faster'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l logs -d 'Read the journal of the holder\'s unit, of its present run'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l probe -d 'Also ask the server for its /, or what it is known to speak'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l for -d 'What makes a target ready' -r -f -a "exists\t'A socket file is at the path'
connect\t'It takes connections: it listens, which does not say that it answers'
http\t'It answers over HTTP: the test of readiness'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l http -d 'Ask for PATH over HTTP/1.1; the same as --for http' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l expect -d 'Ready is who answers with one of these statuses: 200, 2xx, 200-399 [default: 200-399]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l stable -d 'Only when it was so for this long without a break' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l while-pid -d 'Give up when this process has ended' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l gone -d 'Wait until nobody serves the target any more'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l any -d 'One target is enough'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l once -d 'Look once and do not wait: exit status 0 when ready, 1 when not'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l http -d 'Ask for PATH over HTTP/1.1; without a target, of every listener known to speak HTTP' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l like -d 'Make the health check that HAProxy makes of a server, and say what it would: L7OK, L4CON, SOCKERR' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l protocol -d 'Speak this protocol instead of listening first' -r -f -a "http\t''
http2\t''
grpc\t''
websocket\t''
postgres\t''
mysql\t''
redis\t''
memcached\t''
fastcgi\t''
dbus\t''
docker\t''
haproxy\t''
raw\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -s X -l request -d 'The method [default: GET, with --data POST]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -s H -l header -d 'Send a header field, `Name: value`; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l data -d 'Send a body' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l host -d 'The Host header [default: localhost; for TCP the address]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l expect -d 'Expect one of these statuses: 200, 2xx, 200-399 [default: 200-399]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l expect-header -d 'Expect a header field, `Name` or `Name: part of its value`; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l expect-body -d 'Expect a body that matches; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l expect-json -d 'Expect a value in a JSON body, `/status=ok`; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l max-body -d 'The longest body that is waited for [default: 16M; with -i or --body-only 4M]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l send -d 'Send these bytes; \\r, \\n, \\t, \\0, \\xNN and \\\\ are understood' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l expect-re -d 'Expect bytes that match, in reply to --send' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -s n -l count -d 'So many probes, one after the other, with a histogram' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l interval -d 'The pause between two of them' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l http2 -d 'Over HTTP/2 with prior knowledge'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l websocket -d 'Upgrade to WebSocket, send one ping'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -s i -l include -d 'Show the header fields and the body of the reply'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l body-only -d 'Write nothing but the body of the reply; what is wrong with it goes to standard error'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l all -d 'Without a target: every listener, whatever it speaks; may start socket-activated services'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand probe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l compose -d 'Compose files; those of one directory are one project, a later one over an earlier one' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l env-file -d 'What ${VAR} stands for; may be repeated [default: .env beside the first file]' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l profile -d 'Services of this profile too, * for every one; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l target-os -d 'Where it is to run [default: here]' -r -f -a "linux\t''
macos\t''
windows\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l name -d 'The file name that the socket will have: does its path fit?' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l server -d 'Who will make the socket: the trial is made as this user, which takes root [default: you]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l as -d 'A user with its groups, as a new login or service has them; or with these groups instead' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l uid -d 'A uid' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l gid -d 'Its groups, the primary one first' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l pid -d 'A running process, with the identity and the view of the filesystem that it really has' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l unit -d 'A systemd unit: every identity that runs in it, or what it would run as' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l container -d 'A container: every identity that runs in it' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l diff -d 'Print the fixes as a patch too; with -q nothing else'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l no-trial -d 'Only look, make nothing in the directory'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l connected -d 'Every process that is connected now'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand preflight" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l config -d 'Judge these files and directories alone, without sockets and processes: for CI, without root' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l probe -d 'Also make the checks of HAProxy, and ask others that configuration sends HTTP to for their /'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand scan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l apply -d 'Remove what is proven stale; without it nothing is changed'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand clean" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l duration -d 'End after this long [default: at Ctrl-C]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l until -d 'End when every target is so; exit status 1 when --duration is over first' -r -f -a "gone\t'Who served it serves it no more: its file or its listener is gone'
listening\t'Somebody listens, and the file is there'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l http -d 'Ask for PATH over HTTP/1.1 [default: the path of the URL, else /]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l expect -d 'Healthy is who answers with one of these statuses: 200, 2xx, 200-399 [default: 200-399]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l failures -d 'So many tries in a row, one second apart, have to fail before anything is done' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l restart-unit -d 'Repair by `systemctl restart NAME`' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l state -d 'Remember repairs here, for the limit and the pauses; without it a guard knows only of its own' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l max-repairs -d 'No more than N repairs in the time D' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l every -d 'Repeat it, with this pause between two passes, until SIGTERM' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l dry-run -d 'Say what would be done, change nothing'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand guard" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand graph" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l list -d 'Name every code, and every error text that is known'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l list -d 'Name them all'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand self-check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l format -d 'Output format' -r -f -a "text\t''
plain\t''
json\t''
markdown\t''
ndjson\t''
github\t''
sarif\t''
junit\t''
openmetrics\t''
nagios\t''
mermaid\t''
dot\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -s o -l output -d 'Write to FILE instead of standard output, whole or not at all' -r -F
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l report -d 'Write the report in format F to FILE too, whole or not at all; may be repeated' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l fail-on -d 'Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]' -r -f -a "error\t'Errors'
warning\t'Warnings and errors'
info\t'Any finding'
never\t'Nothing'"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l only -d 'Report only these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l ignore -d 'Do not report these rules' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l color -d 'Colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l timeout -d 'How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]' -r
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l root -d 'Look at the system whose files are below DIR: an image, or with --proc the host of this container' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l proc -d 'The /proc of the system below --root: its processes and its sockets' -r -f -a "(__fish_complete_directories)"
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l json -d 'The same as --format json'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -l require-complete -d 'Exit with 3 when any check was not possible'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -s q -l quiet -d 'Say less: one line a finding'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -s v -l verbose -d 'Say more: all facts'
complete -c sockdoctor -n "__fish_sockdoctor_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'

# Beside files: the sockets that listen.
function __sockdoctor_socket
    set -l word (commandline -ct)
    string match -qr '^[/@]' -- $word; and sockdoctor __complete $word 2>/dev/null
end
complete -c sockdoctor -n '__fish_sockdoctor_using_subcommand inspect' -a '(__sockdoctor_socket)'
complete -c sockdoctor -n '__fish_sockdoctor_using_subcommand access' -a '(__sockdoctor_socket)'
complete -c sockdoctor -n '__fish_sockdoctor_using_subcommand wait' -a '(__sockdoctor_socket)'
complete -c sockdoctor -n '__fish_sockdoctor_using_subcommand probe' -a '(__sockdoctor_socket)'
complete -c sockdoctor -n '__fish_sockdoctor_using_subcommand watch' -a '(__sockdoctor_socket)'
complete -c sockdoctor -n '__fish_sockdoctor_using_subcommand guard' -a '(__sockdoctor_socket)'
complete -c sockdoctor -n '__fish_sockdoctor_using_subcommand graph' -a '(__sockdoctor_socket)'
