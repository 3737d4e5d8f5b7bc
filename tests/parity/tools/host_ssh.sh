#!/bin/sh
# `ssh-keygen -F HOST` and `ssh-keyscan HOST` on a host: it knows no other, and reaches none. The real
# ones would look into the home of this machine's user, and into the network.
exit 1
