# put appups into the new release:
# ROOT LIB VERSION: standard input is a tar of NAME.appup files. They go to the ebin/ of these
# applications in release VERSION of ROOT, and to LIB/NAME/ebin where the tool keeps what it compiles.
set -eu
root=$1 lib=$2 version=$3
incoming=$root.appups
rm -rf -- "$incoming"
mkdir -- "$incoming"
tar -xf - -C "$incoming"
for file in "$incoming"/*.appup; do
  name=${file##*/}
  name=${name%.appup}
  library=$(cat -- "$root/releases/$version"/*.rel | tr -d "[:space:]'" | grep -o "{$name,\"[^\"]*\"" |
    head -n 1 | sed -e 's/^{//' -e 's/,"/-/' -e 's/"$//')
  if [ -z "$library" ] || ! [ -d "$root/lib/$library/ebin" ]; then
    echo "release $version has no application $name, which there is an appup for" >&2
    exit 1
  fi
  cp -- "$file" "$root/lib/$library/ebin/"
  if [ -d "$lib/$name/ebin" ]; then cp -- "$file" "$lib/$name/ebin/"; fi
done
rm -rf -- "$incoming"
