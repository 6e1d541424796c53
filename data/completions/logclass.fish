# fish completion for logclass. Commands and options come from the program's own help, so they are always its own.
function __logclass_commands
    logclass help 2>/dev/null | string replace -rf '^  ([a-z][a-z-]*)  +(.*)$' '$1\t$2' | string match -v 'logclass*'
end
function __logclass_options
    set -l words (commandline -opc)
    logclass $words[2] --help-all 2>/dev/null | string replace -rf '^ *(--[a-z][a-z0-9-]*)\S* +(.*)$' '$1\t$2'
end
complete -c logclass -n 'test (count (commandline -opc)) -eq 1' -f -a '(__logclass_commands)'
complete -c logclass -n 'test (count (commandline -opc)) -gt 1; and string match -q -- "-*" (commandline -ct)' -f -a '(__logclass_options)'
