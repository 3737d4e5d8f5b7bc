# remove the release that the upgrade starts from:
# ROOT APP BASE NEW: what of BASE lies beside NEW and NEW does not use. The archive has no use for it.
set -eu
root=$1 app=$2 base=$3 new=$4

# The NAME-VERSION of each application in the .rel files of release $1.
libraries_of() {
  cat -- "$root/releases/$1"/*.rel | tr -d "[:space:]'" | grep -o '{[A-Za-z0-9_@.]*,"[^"]*"' |
    sed -e 's/^{//' -e 's/,"/-/' -e 's/"$//'
}

used=$(libraries_of "$new")
libraries_of "$base" | while read -r library; do
  printf '%s\n' "$used" | grep -qxF -e "$library" || rm -rf -- "${root:?}/lib/$library"
done
rm -rf -- "$root/releases/$base"
rm -f -- "$root/bin/$app-$base"
