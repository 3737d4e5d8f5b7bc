# What the scripts that stand in for mix make: a release of $app, of the version that lib/version has.
# shellcheck shell=sh disable=SC2154

version=$(cat lib/version)
root=_build/prod/rel/$app
mkdir -p "$root/bin" "$root/erts-1/bin" "$root/releases/$version"
printf '#!/bin/sh\n' >"$root/bin/$app"
chmod +x "$root/bin/$app"
echo emulator >"$root/erts-1/bin/beam.smp"
echo boot >"$root/releases/$version/start.boot"
echo "1 $version" >"$root/releases/start_erl.data"
