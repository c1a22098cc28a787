# SPDX-License-Identifier: GPL-3.0-or-later
# Completion for bash: commands, options and keys are what ohmgrid's own help lists.
_ohmgrid_words() { # of the program's output: SED-SCRIPT WORD...
    local script=$1
    shift
    "${COMP_WORDS[0]}" "$@" 2>/dev/null | sed -n "$script"
}

# Commands of a command, from "usage: ohmgrid device list | show NAME | ...".
_ohmgrid_inner() {
    _ohmgrid_words "1s/^usage: ohmgrid $1 //p" "$1" --help | tr '|' '\n' |
        sed -n 's/^ *\([a-z][a-z]*\).*/\1/p'
}

_ohmgrid() {
    local current=${COMP_WORDS[COMP_CWORD]} command=("${COMP_WORDS[1]}") words=
    local before=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    # "--set KEY" and "--help=keys" arrive in parts, cut at '='.
    [ "$current" = = ] && return
    case ${command[0]} in
        device | data) [ "$COMP_CWORD" -gt 2 ] && command+=("${COMP_WORDS[2]}") ;;
    esac
    if [ "$COMP_CWORD" = 1 ]; then
        words=$(_ohmgrid_words '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' --help)
        words+=' --help --version'
    elif [[ $current == -* ]]; then
        words=$(_ohmgrid_words '/^options:/,/^$/s/^  \(-[a-z], \)\{0,1\}\(--[a-z0-9=-]*\).*/\2/p' \
            "${command[@]}" --help)
    elif [ "$before" = --set ]; then
        compopt -o nospace 2>/dev/null
        words=$(_ohmgrid_words 's/^\([a-z][a-z0-9_.]*\)$/\1=/p' "${command[@]}" --help=keys)
    elif [ "$COMP_CWORD" = 2 ] && [[ ${command[0]} == device || ${command[0]} == data ]]; then
        words=$(_ohmgrid_inner "${command[0]}")
    elif [ "${command[*]}" = 'device show' ] || [ "${command[*]}" = 'device simulate' ]; then
        words=$(_ohmgrid_words 's/^\([a-z][a-z0-9_]*\)  .*/\1/p' device list)
        compopt -o default 2>/dev/null
    fi
    if [ -n "$words" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    else
        compopt -o default 2>/dev/null
    fi
}
complete -F _ohmgrid ohmgrid
