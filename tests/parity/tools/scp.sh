#!/bin/sh
# The old protocol: a host's home is that of its login shell, of which sftp knows nothing.
exec /usr/bin/scp -O -F @CONFIG@ -S @HOME@/tools/ssh "$@"
