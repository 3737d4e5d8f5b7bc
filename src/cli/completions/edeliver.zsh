#compdef edeliver
# Completes the words of edeliver in zsh: edeliver itself says which there are.
_edeliver() {
    local word about
    local -a plain open
    while IFS=$'\t' read -r word about; do
        word="${word//:/\\:}${about:+:$about}"
        case "${word%%:*}" in
        *=) open+=("$word") ;;
        *) plain+=("$word") ;;
        esac
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( $#plain )) && _describe edeliver plain
    (( $#open )) && _describe edeliver open -S ''
    (( $#plain || $#open )) || _files
}
if [ "$funcstack[1]" = _edeliver ]; then
    _edeliver "$@"
else
    compdef _edeliver edeliver
fi
