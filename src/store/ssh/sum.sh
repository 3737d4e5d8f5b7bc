# prints the sha256 of the file $1
sum_of() {
	if command -v sha256sum >/dev/null 2>&1; then
		sum=$(sha256sum <"$1")
	elif command -v shasum >/dev/null 2>&1; then
		sum=$(shasum -a 256 <"$1")
	else
		sum=$(openssl dgst -sha256 -r <"$1")
	fi || return 1
	printf '%s' "${sum%% *}"
}
