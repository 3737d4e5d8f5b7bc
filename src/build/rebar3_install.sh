# fetch rebar3, unless it is there:
set -eu
if command -v "$1"; then
  exit 0
fi
if [ "$1" != ./rebar3 ]; then
  echo "there is no $1 on this host: install it, or set REBAR3_CMD" >&2
  exit 127
fi
echo "installing rebar3"
url=https://s3.amazonaws.com/rebar3/rebar3
if command -v wget >/dev/null; then
  wget -O rebar3.incoming "$url"
else
  curl --fail --location --output rebar3.incoming "$url"
fi
chmod +x rebar3.incoming
mv rebar3.incoming rebar3
