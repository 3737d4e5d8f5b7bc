# unlock the build directory
# $1: our nonce
set -eu
lock=$(git rev-parse --git-dir)/edeliver-build.lock
if grep -qF "\"$1\"" "$lock" 2>/dev/null; then
  rm -f "$lock"
fi
