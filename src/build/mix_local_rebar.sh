# install rebar for mix, unless it is there:
set -eu
for rebar in "${MIX_HOME:-$HOME/.mix}"/rebar3 "${MIX_HOME:-$HOME/.mix}"/elixir/*/rebar3; do
  if [ -f "$rebar" ]; then
    echo "rebar for mix is there: $rebar"
    exit 0
  fi
done
exec "$@"
