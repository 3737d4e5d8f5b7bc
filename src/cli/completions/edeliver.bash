# Completes the words of edeliver in bash: edeliver itself says which there are.
_edeliver() {
    local line="${COMP_LINE:0:COMP_POINT}" current word
    local -a words
    read -ra words <<<"$line"
    case "$line" in *[[:space:]]) words+=("") ;; esac
    current="${words[${#words[@]} - 1]}"
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        case "$word" in
        "$current"*)
            # Where = ends a word of the line, only what is behind it is completed.
            case "$current:$COMP_WORDBREAKS" in *=*:*=*) word="${word#*=}" ;; esac
            COMPREPLY+=("$word")
            ;;
        esac
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
    case "${COMPREPLY[0]-}" in *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -o default -F _edeliver edeliver
