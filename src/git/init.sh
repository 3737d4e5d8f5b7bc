# prepare the build directory
set -eu
if [ ! -e "$1" ] && [ ! -L "$1" ]; then
  mkdir -p -- "$1"
fi
cd -- "$1"
if [ ! -e .git ]; then
  # A repository further up must never be taken for this one: it would be reset and cleaned.
  if [ -n "$(ls -A)" ]; then
    echo "$PWD has files but is no git repository: empty it, or set BUILD_AT to another directory" >&2
    exit 1
  fi
  git init --quiet
fi
if [ "$(git rev-parse --show-toplevel)" != "$(pwd -P)" ]; then
  echo "$PWD/.git is not the git repository of this directory: remove it, or set BUILD_AT to another one" >&2
  exit 1
fi
git config receive.denyCurrentBranch ignore
