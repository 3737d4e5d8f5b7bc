# Old releases go once a deploy is final. When in doubt nothing goes.
# shellcheck shell=sh disable=SC2154

# $@: versions that our own history says we brought, and that are not to stay for their age. What runs,
# what boots next and what a rollback would bring back stay all the same.
prune_releases() {
	disk=$(version_in "$root") running='' previous=''
	[ "$disk" != unknown ] || return 0
	find_pid
	if [ -n "$pid" ]; then
		find_kind "$root/bin/$app"
		ask_node || return 0
		running=$version
	fi
	read -r _ _ _ previous <<-END
		$(previous_facts | grep '^last ')
	END
	for old in "$@"; do
		case $old in "$running" | "$disk" | "$previous" | '' | .* | */*) continue ;; esac
		if ! [ -d "$root/releases/$old" ] || [ -L "$root/releases/$old" ]; then continue; fi
		prune_libraries "$old"
		drop_tree "$root/releases/$old" || fail "cannot remove $root/releases/$old"
		say "pruned $old"
	done
}

# The libraries of release $1 that no other release here names.
prune_libraries() {
	others=$(libraries_of_others "$1") && own=$(libraries_of "$1") || return 0
	say "$own" | while read -r library; do
		if ! [ -d "$root/lib/$library" ] || [ -L "$root/lib/$library" ]; then continue; fi
		say "$others" | grep -qxF -e "$library" || drop_tree "$root/lib/$library" || exit 1
	done || fail "cannot remove a library below $root/lib"
}

# Fails when a release does not say what it consists of: then nobody knows what it uses.
libraries_of_others() {
	for other in "$root"/releases/*; do
		if ! [ -d "$other" ] || [ "${other##*/}" = "$1" ]; then continue; fi
		libraries_of "${other##*/}" || return 1
	done
}

# The NAME-VERSION of each application in the .rel files of release $1.
libraries_of() {
	for rel in "$root/releases/$1"/*.rel; do
		[ -f "$rel" ] || return 1
		tr -d "[:space:]'" <"$rel" | grep -o '{[A-Za-z0-9_@.]*,"[^"]*"' | sed -e 's/^{//' -e 's/,"/-/' -e 's/"$//'
	done
}
