# take over the lock of a build that is gone
# $1: who we are, in one line; $2: our nonce; $3: the nonce of the build that is gone.
# Exit status 75: the lock has changed hands.
set -eu
lock=$(git rev-parse --git-dir)/edeliver-build.lock
own=$lock.$2
guard=$lock.after.$3
printf '%s\n' "$1" >"$own"
# Only one can take over from the same predecessor.
if ! ln "$own" "$guard" 2>/dev/null; then
  rm -f "$own"
  exit 75
fi
if grep -qF "\"$3\"" "$lock" 2>/dev/null; then
  mv -f "$own" "$lock"
  rm -f "$guard"
  exit 0
fi
rm -f "$own" "$guard"
exit 75
