#!/bin/sh
# The hosts stand in the configuration of a test, not in that of this machine's user.
exec /usr/bin/ssh -F @CONFIG@ "$@"
