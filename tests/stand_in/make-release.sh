#!/bin/sh
# Makes the archive of a small release that needs no Erlang: for tests and the demo.
#
#   make-release.sh VERSION OUT.tar.gz [--app NAME] [--prefix] [--cookie C] [--node N] [--size-kb N] [--behaviour B]
#
# --prefix     the entries begin with NAME/, as those of `tar` over the release's parent do
# --cookie     of the node; `none` for a release without releases/COOKIE (the cookie stands in vm.args)
# --node       its short name, as vm.args has it; default: NAME
# --size-kb    adds a file of N KiB that does not compress
# --behaviour  normal | start_exits_7 | never_answers | wrong_version | dies_after_start |
#              "slow_start SECONDS" | "slow_launch SECONDS" (the start script takes that long) |
#              stop_ignored | application_missing (one of the release's applications is not started) |
#              misses_a_question (the second time that it is asked its version, it does not answer)
set -eu

fail() {
    echo "make-release.sh: $1" >&2
    exit 2
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
[ $# -ge 2 ] || fail "usage: make-release.sh VERSION OUT.tar.gz [options]; see its first lines"
version=$1
out=$2
shift 2
app=stand_in
cookie=stand_in_cookie
node=''
prefix=''
size_kb=0
behaviour=normal
while [ $# -gt 0 ]; do
    case $1 in
    --prefix)
        prefix=yes
        shift
        continue
        ;;
    esac
    [ $# -ge 2 ] || fail "$1 needs a value"
    case $1 in
    --app) app=$2 ;;
    --cookie) cookie=$2 ;;
    --node) node=$2 ;;
    --size-kb) size_kb=$2 ;;
    --behaviour) behaviour=$2 ;;
    *) fail "unknown option $1" ;;
    esac
    shift 2
done
case $behaviour in
normal | start_exits_7 | never_answers | wrong_version | dies_after_start | stop_ignored | application_missing | misses_a_question) ;;
"slow_start "[0-9]* | "slow_launch "[0-9]*) ;;
*) fail "unknown behaviour '$behaviour'" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
root=$work/$app
own=$root/lib/$app-$version
of_version=$root/releases/$version
mkdir -p "$root/bin" "$root/erts-13.1/bin" "$of_version" "$own/ebin" "$own/priv/static" "$own/priv/empty" \
    "$root/lib/dep-1.0.0/ebin" "$root/lib/common-1.0.0/ebin"

# Unchanged from version to version.
printf '#!/bin/sh\necho "the stand-in has no Erlang" >&2\nexit 1\n' >"$root/erts-13.1/bin/erl"
echo "a dependency" >"$root/lib/dep-1.0.0/ebin/dep.beam"
{
    sed '$d' "$here/node.sh"
    cat "$here/other_tools.sh"
    tail -n 1 "$here/node.sh"
} | sed "s/@APP@/$app/" >"$root/bin/$app"
chmod 755 "$root/bin/$app" "$root/erts-13.1/bin/erl"

# The same path in every version with another content: what a careless switch mixes up.
echo "common for $version" >"$root/lib/common-1.0.0/ebin/x.beam"

# New paths of this version.
echo "$app $version" >"$own/ebin/$app.beam"
printf '{application,%s,[{vsn,"%s"}]}.\n' "$app" "$version" >"$own/ebin/$app.app"
echo "for people" >"$own/priv/static/read me.txt"
echo "only for the group" >"$own/priv/static/private"
chmod 640 "$own/priv/static/private"
echo "never written" >"$own/priv/static/fixed"
chmod 444 "$own/priv/static/fixed"
printf '#!/bin/sh\necho tool\n' >"$own/priv/tool"
chmod 755 "$own/priv/tool"
ln -s static "$own/priv/assets"
if [ "$size_kb" -gt 0 ]; then
    dd if=/dev/urandom of="$own/priv/ballast" bs=1024 count="$size_kb" 2>/dev/null
fi

# What decides the next boot.
printf '{release,{"%s","%s"},{erts,"13.1"},[{%s,"%s"},{dep,"1.0.0"},{common,"1.0.0"}]}.\n' \
    "$app" "$version" "$app" "$version" >"$of_version/$app.rel"
echo "boot script of $version" >"$of_version/start.boot"
echo '[].' >"$of_version/sys.config"
echo "$behaviour" >"$of_version/behaviour"
if [ "$cookie" = none ]; then
    cookie=cookie_of_vm_args
else
    printf '%s' "$cookie" >"$root/releases/COOKIE"
    chmod 600 "$root/releases/COOKIE"
fi
printf -- '-sname %s\n-setcookie %s\n' "${node:-$app}" "$cookie" >"$of_version/vm.args"
printf '13.1 %s' "$version" >"$root/releases/start_erl.data"
printf '[{release,"%s","%s","13.1",[],permanent}].\n' "$app" "$version" >"$root/releases/RELEASES"

if [ -n "$prefix" ]; then
    tar -czf "$work/out" -C "$work" "$app"
else
    tar -czf "$work/out" -C "$root" bin erts-13.1 lib releases
fi
mv "$work/out" "$out"
