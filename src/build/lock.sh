# lock the build directory
# $1: who we are, in one line; $2: our nonce. Exit status 75 and the holder's line: somebody else has it.
set -eu
lock=$(git rev-parse --git-dir)/edeliver-build.lock
own=$lock.$2
printf '%s\n' "$1" >"$own"
# A link is there with its contents or not at all, and only one can make it.
if ln "$own" "$lock" 2>/dev/null; then
  rm -f "$own"
  exit 0
fi
rm -f "$own"
if [ -e "$lock" ]; then
  cat "$lock"
  exit 75
fi
echo "cannot create $PWD/$lock" >&2
exit 1
