# fish completion for logclass. Commands, options and values come from the program's own help, so they are always its own.
function __logclass_commands
    logclass help 2>/dev/null | string replace -rf '^  ([a-z][a-z-]*)  +(.*)$' '$1\t$2'
end
function __logclass_options
    set -l typed (commandline -opc)
    logclass $typed[2] --help-all 2>/dev/null | string match -ra -- '--[a-z][a-z0-9-]+' | sort -u
end
function __logclass_words
    set -l typed (commandline -opc)
    set -l previous $typed[-1]
    logclass $typed[2] --help-all 2>/dev/null | string replace -rf -- "^ *(?:-[a-z], )?$previous ([a-z]*\|[a-z|]*).*" '$1' | string split '|'
    if test (count $typed) -eq 2
        logclass $typed[2] --help 2>/dev/null | string replace -rf "^(?:Usage:|      ) logclass $typed[2] ([a-z]+(?:\|[a-z]+)*).*" '$1' | string split '|'
    end
end
complete -c logclass -n 'test (count (commandline -opc)) -eq 1' -f -a '(__logclass_commands)'
complete -c logclass -n 'test (count (commandline -opc)) -gt 1; and string match -q -- "-*" (commandline -ct)' -f -a '(__logclass_options)'
complete -c logclass -n 'test (count (commandline -opc)) -gt 1; and not string match -q -- "-*" (commandline -ct)' -a '(__logclass_words)'
