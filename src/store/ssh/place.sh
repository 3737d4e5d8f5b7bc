# Gives what has arrived in the directory $1 its names: the archive $2 becomes $4, the manifest $3 lies
# beside it. $5 is the archive's sha256.
# shellcheck shell=sh
set -e
cd -- "$1"
[ ! -d "$4" ] || { echo "$4 is a directory" >&2; exit 1; }
# It was done before, and the answer was lost.
if [ ! -e "$2" ] && [ "$(sum_of "$4")" = "$5" ]; then exit 0; fi
if [ -e "$3" ]; then
	# Less the umask, as for any new file: others read it, too.
	chmod '=rw' -- "$3"
	mv -f -- "$3" ".$4.manifest.json"
fi
# The archive comes last: a manifest that does not fit its archive is read anew, an archive counts.
chmod '=rw' -- "$2"
mv -f -- "$2" "$4"
sync . 2>/dev/null || sync
