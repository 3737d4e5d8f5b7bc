#!/bin/sh
# `ssh-keyscan HOST`: the keys of a host, which a test has on a port.
set -eu
port=$(/usr/bin/ssh -F @CONFIG@ -G "$1" | sed -n 's/^port //p')
exec /usr/bin/ssh-keyscan -t ed25519 -p "$port" 127.0.0.1
