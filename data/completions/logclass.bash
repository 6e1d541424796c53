# bash completion for logclass. Commands, options and values come from the program's own help, so they are always its own.
_logclass() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=
    if [ "$COMP_CWORD" = 1 ]; then
        words=$(logclass help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p')
    elif [[ $cur == -* ]]; then
        words=$(logclass "$command" --help-all 2>/dev/null | grep -oE -- '--[a-z][a-z0-9-]+')
    else
        words=$(logclass "$command" --help-all 2>/dev/null |
            sed -n "s/^ *\(-[a-z], \)*$prev \([a-z]*|[a-z|]*\).*/\2/p" | tr '|' ' ')
        [ "$COMP_CWORD" != 2 ] || words+=" $(logclass "$command" --help 2>/dev/null |
            grep -oE "^(Usage:|      ) logclass $command [a-z]+(\|[a-z]+)*" | sed 's/.* //' | tr '|' ' ')"
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur" | sort -u)
    [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _logclass logclass
