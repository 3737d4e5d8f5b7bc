# find the release:
# under ROOT APP MARKER: every directory APP below ROOT with a file releases/MARKER
# at DIRECTORY ...: the first of these directories that has releases/
# Prints lines: "release DIRECTORY", "version VERSION" for each of its versions, "erts optional".
set -u
show() {
  printf 'release %s\n' "$1"
  for version in "$1"/releases/*/; do
    [ -d "$version" ] || continue
    version=${version%/}
    printf 'version %s\n' "${version##*/}"
  done
}

# Any word on it means that the project decides whether its release brings an Erlang runtime.
for config in mix.exs rebar.config relx.config rel/config.exs rel/reltool.config; do
  if [ -f "$config" ] && grep -Eq 'include_erts|dev_mode|\{ *mode *,' "$config"; then
    echo 'erts optional'
    break
  fi
done

mode=$1
shift
if [ "$mode" = at ]; then
  for directory in "$@"; do
    if [ -d "$directory/releases" ]; then
      show "$(cd -- "$directory" && pwd -P)"
      break
    fi
  done
  exit 0
fi

root=$1 app=$2 marker=$3
[ -d "$root" ] || exit 0
found=$(find "$root" -name .git -prune -o -type f -name "$marker" -print) || exit 1
printf '%s\n' "$found" | sort | while IFS= read -r file; do
  directory=${file%/releases/"$marker"}
  if [ "$directory" != "$file" ] && [ "${directory##*/}" = "$app" ]; then
    show "$(cd -- "$directory" && pwd -P)"
  fi
done
