#!/bin/sh
# A tool of a build host that compiles nothing: it writes down how it was called, does what the scenario
# has for it, and puts a release where the tool of its name would.
set -eu

# shellcheck source-path=SCRIPTDIR source=write_down.sh
. @OUTER@/write_down.sh

app=@APP@
tool=${0##*/}
# What is only asked changes nothing, and is not written down.
case "$tool $*" in
*mix*" --version")
    echo "Mix 1.14.0 (compiled with Erlang/OTP 25)"
    exit 0
    ;;
"mix release.version show")
    cat VERSION
    exit 0
    ;;
esac
write_down @OUTER@/calls "$tool" "$@"
if [ -f "@OUTER@/own/$tool" ]; then
    # shellcheck source=/dev/null
    . "@OUTER@/own/$tool"
fi

# The version that is built: `release.version` changes that of the project.
version() {
    built=$(cat VERSION) all=$*
    case $all in
    *"release.version set "*)
        built=${all#*release.version set }
        built=${built%%[ ,]*}
        ;;
    *release.version*) built=$built+of_auto_version ;;
    esac
    printf '%s\n' "$built"
}

# The release comes beside what is there already, as the tools do it.
release_at() {
    mkdir -p "$1"
    cp -R "@TEMPLATES@/$built/." "$1/"
}

built=$(version "$@")
case "$tool $*" in
"mix local.rebar "*)
    mkdir -p ~/.mix
    touch ~/.mix/rebar ~/.mix/rebar3
    ;;
mix\ *distillery.release*)
    root=_build/${MIX_ENV:-dev}/rel/$app
    release_at "$root"
    case $* in
    *--upgrade*) echo "{\"$built\",[{\"1.0.0\",[],[]}],[{\"1.0.0\",[],[]}]}." >"$root/releases/$built/relup" ;;
    esac
    (cd "$root" && tar -czf "../$app.tar.gz" bin lib erts-* releases)
    mv "_build/${MIX_ENV:-dev}/rel/$app.tar.gz" "$root/releases/$built/$app.tar.gz"
    ;;
"mix release" | "mix release "* | "mix do "*", release" | "mix do "*", release --"*) release_at "_build/${MIX_ENV:-dev}/rel/$app" ;;
"rebar3 release "* | rebar3\ *" release -n "*) release_at "_build/default/rel/$app" ;;
rebar\ *"-f generate") release_at "rel/$app" ;;
"rebar generate-upgrade "*)
    echo "{\"$built\",[{\"1.0.0\",[],[]}],[{\"1.0.0\",[],[]}]}." >"rel/$app/releases/$built/relup"
    tar -czf "rel/${app}_$built.tar.gz" -C "rel/$app" lib erts-13.1 releases
    ;;
"rebar generate-appups "*)
    echo "{\"$built\",[{\"1.0.0\",[]}],[{\"1.0.0\",[]}]}." >"rel/$app/lib/$app-$built/ebin/$app.appup"
    ;;
"relx release") release_at _rel ;;
"relx relup")
    echo "{\"$built\",[{\"1.0.0\",[],[]}],[{\"1.0.0\",[],[]}]}." >"_rel/releases/$built/relup"
    ;;
"relx tar") tar -czf "@OUTER@/relx.tar.gz" -C _rel bin lib erts-13.1 releases && mv "@OUTER@/relx.tar.gz" "_rel/$app-$built.tar.gz" ;;
esac
