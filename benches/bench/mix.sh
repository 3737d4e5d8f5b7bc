#!/bin/sh
# A mix that does nothing but lay a release down where the real one would.
set -eu
[ "$1" = release ] || exit 0
root=_build/prod/rel/stand_in
mkdir -p "$root/bin" "$root/erts-1/bin" "$root/releases/1.0.0"
printf '#!/bin/sh\n' >"$root/bin/stand_in"
chmod +x "$root/bin/stand_in"
echo emulator >"$root/erts-1/bin/beam.smp"
echo boot >"$root/releases/1.0.0/start.boot"
echo "1 1.0.0" >"$root/releases/start_erl.data"
