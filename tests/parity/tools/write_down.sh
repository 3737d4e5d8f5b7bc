# Writes down how a tool was called: where, with which of these variables, with which arguments.
# shellcheck shell=sh

# A word as one would type it.
quoted() {
    case $1 in
    '' | *[!A-Za-z0-9_./:=,+@~%-]*) printf " '%s'" "$(printf '%s' "$1" | tr -s ' \n\t' ' ')" ;;
    *) printf ' %s' "$1" ;;
    esac
}

# $1: the file. The others: the call.
write_down() {
    to=$1 call=''
    shift
    for name in APP MIX_ENV AUTO_VERSION BRANCH SKIP_RELUP_MODIFICATIONS RELUP_MODIFICATION_MODULE \
        USING_DISTILLERY LINK_SYS_CONFIG LINK_VM_ARGS REBAR_PROFILE ECTO_REPOSITORY; do
        eval "value=\${$name-}"
        # shellcheck disable=SC2154 # eval has set it
        [ -z "$value" ] || call="$call $name=$value"
    done
    for word; do call="$call$(quoted "$word")"; done
    printf '(%s)%s\n' "$(pwd -P)" "$call" >>"$to"
}
