# Runs text that a hook sends to this host, in the user's bash, for which it was written, else in
# the login shell where that reads such text.
# $1: the text; $2: strict or lenient. The text goes on through the environment, so that no list of
# processes shows it, and is out of it before it runs.
EDELIVER_HOOK=$1
export EDELIVER_HOOK
# Expanded by the shell that runs the text.
# shellcheck disable=SC2016
case $2 in
    strict) begin='eval "unset EDELIVER_HOOK; set -e
$EDELIVER_HOOK"' ;;
    *) begin='eval "unset EDELIVER_HOOK
$EDELIVER_HOOK"' ;;
esac
if command -v bash >/dev/null 2>&1; then
    exec bash -c "$begin"
fi
case ${SHELL-} in
    */zsh | */ksh | */mksh | */dash | */ash | */yash) exec "$SHELL" -c "$begin" ;;
esac
exec sh -c "$begin"
