# unpack the release that the upgrade starts from:
# ROOT PREFIX VERSION: standard input is its archive (tar.gz), whose directory PREFIX (or none) goes to
# ROOT. Of its releases only VERSION stays: an upgrade's archive may hold more than one.
set -eu
root=$1 prefix=$2 version=$3
incoming=$root.incoming
rm -rf -- "$incoming" "$root"
mkdir -p -- "$incoming"
tar -xzof - -C "$incoming"
mv -- "$incoming${prefix:+/$prefix}" "$root"
rm -rf -- "$incoming"
if ! [ -d "$root/releases/$version" ]; then
  echo "the archive has no releases/$version" >&2
  exit 1
fi
for other in "$root"/releases/*/; do
  [ "$other" = "$root/releases/$version/" ] || rm -rf -- "$other"
done
