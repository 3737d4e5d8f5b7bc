# What configs, hooks and custom strategies of edeliver find defined when they run, and the
# conversation with edeliver itself. Runs in bash 3.2 to 5.2.
#
# Called with the private directory of the conversation, the process id of edeliver, and `colour`
# or `plain`. Names that begin with __edeliver are ours; a config never needs them. Commands that
# must survive whatever a config redefines go through `builtin`.
#
# Colours and marks are for configs to use, names are passed in variables, and a config is not ours:
# shellcheck disable=SC2034,SC2163,SC1090

__edeliver_dir=$1
__edeliver_owner=$2
# The conversation: commands come in on 187; values go out on 188; 189 rings, for everybody.
exec 187<"$__edeliver_dir/commands" 188>"$__edeliver_dir/answers" 189>"$__edeliver_dir/bell"
# A hook may change PATH.
__edeliver_mkfifo=$(type -P mkfifo)
__edeliver_cat=$(type -P cat)
__edeliver_head=$(type -P head)
__edeliver_rm=$(type -P rm)
__edeliver_sh=$(type -P sh)
set +o posix

if [[ $3 == colour ]]; then
  txtrst=$'\033[0m' txtund=$'\033[4m' txtbld=$'\033[1m'
  txtred=$'\033[31m' txtgrn=$'\033[32m' txtylw=$'\033[33m' txtblu=$'\033[34m'
  txtmgt=$'\033[35m' txtcyn=$'\033[36m' txtwht=$'\033[37m'
  bldred=$txtbld$txtred bldgrn=$txtbld$txtgrn bldylw=$txtbld$txtylw bldblu=$txtbld$txtblu
  bldmgt=$txtbld$txtmgt bldcyn=$txtbld$txtcyn bldwht=$txtbld$txtwht
else
  PLAIN=true
fi
info="${bldwht-}*${txtrst-}"
pass="${bldblu-}*${txtrst-}"
warn="${bldred-}*${txtrst-}"
ques="${bldblu-}?${txtrst-}"
set --

# ---- what is said -------------------------------------------------------------------------------

status() {
  builtin echo "${txtylw-}-----> ${bldwht-}$*${txtrst-}"
}

# Shown with --verbose only.
info() {
  if [[ ${VERBOSE-} == true ]]; then
    builtin echo "$*"
  fi
}

error_message() {
  builtin echo -e "${bldred-}$*${txtrst-}"
}

hint_message() {
  builtin echo -e "${bldylw-}$*${txtrst-}"
}

success_message() {
  builtin echo -e "${bldgrn-}$*${txtrst-}"
}

success() {
  success_message " DONE"
}

error() {
  error_message "$*"
  exit 1
}

fail() {
  error_message "\nFailed for an unknown reason."
  hint_message "Run it again with --verbose to see more."
  exit 1
}

begin() {
  success_message "\n$(upcase "edeliver ${APP-} with ${COMMAND-} command")\n"
}

finish() {
  success_message "\n$(upcase "${COMMAND-} done!")\n"
}

help() {
  error "No help is provided for this command."
}

__log() {
  __edeliver_ask log "$*" >/dev/null
}

# ---- small things -------------------------------------------------------------------------------

upcase() {
  builtin echo "$@" | tr '[:lower:]' '[:upper:]'
}

trim_string() {
  builtin echo "$*" | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//'
}

# Asks for one key. Without a terminal there is nobody to say yes.
confirm() {
  local _reply=
  if [[ -t 0 ]]; then
    builtin read -r -p "$* [y|n]: " -n 1 _reply
    builtin echo
  else
    builtin echo "$* [y|n]: no terminal to ask, so the answer is no"
  fi
  case $_reply in
    [Yy]) ;;
    *) return 1 ;;
  esac
}

# Lists become words with single spaces: "a,b" and " a" alike.
__remote_friendly() {
  builtin echo "$*" | tr ',' ' ' | sed -e 's/^ //' -e 's/ $//'
}

__exec() {
  builtin eval "$1 ${SILENCE-}"
}

# The status says whether it is defined, or else is the function's own. The last thing that runs
# for one that is not defined is a test, so that a hook may end with this.
__exec_if_defined() {
  [[ $(builtin declare -F "$1") ]] && "$@"
}

# ---- hosts --------------------------------------------------------------------------------------

set_build_hosts() {
  export HOSTS=${BUILD_HOST-} APP_USER=${BUILD_USER-} DELIVER_TO=${BUILD_AT-}
  update_hosts_app_user
}

set_deploy_hosts() {
  case ${DEPLOY_ENVIRONMENT-} in
    production) export HOSTS=${PRODUCTION_HOSTS-} APP_USER=${PRODUCTION_USER-} ;;
    local) export HOSTS=localhost DELIVER_TO=${TEST_LOCALLY_AT-} && APP_USER=$(id -un) && export APP_USER ;;
    *) export HOSTS=${STAGING_HOSTS-} APP_USER=${STAGING_USER-} DELIVER_TO=${TEST_AT-} ;;
  esac
  update_hosts_app_user
}

update_hosts_app_user() {
  local _host IFS=$' \t\n'
  HOSTS_APP_USER=
  for _host in ${HOSTS-}; do
    HOSTS_APP_USER="$HOSTS_APP_USER${HOSTS_APP_USER:+ }${APP_USER:+$APP_USER@}$_host"
  done
}

# Runs a script on the one host of the current phase. Its output is shown with --verbose, when it
# fails, and in a command substitution, whose value it is then.
__sync_remote() {
  __edeliver_remote sync_remote "$1" "${2:-${HOSTS_APP_USER-}}"
}

# Runs a script on all hosts of the current phase at once.
__remote() {
  __edeliver_remote remote "$1" "${2:-${HOSTS_APP_USER-}}"
}

# The script goes on through the environment, so that no list of processes shows it.
__edeliver_local() {
  # shellcheck disable=SC2016 # the new shell expands it
  EDELIVER_HOOK=$1 "$__edeliver_sh" -c 'eval "unset EDELIVER_HOOK
$EDELIVER_HOOK"'
}

# Runs a script on this machine. Its output is shown with --verbose and when it fails.
__sync_local() {
  local _output _status=0
  __log "local : $1"
  if [[ ${VERBOSE-} == true ]]; then
    __edeliver_local "$1" || _status=$?
  else
    _output=$(__edeliver_local "$1") || { _status=$?; builtin printf '%s\n' "$_output"; }
  fi
  if [[ $_status != 0 ]]; then
    error "\nA command on this machine failed with exit status $_status:\n$1\n"
  fi
}

# The steps of the original are edeliver's own ones. A step that fails ends the shell that called
# it, as it did.
__edeliver_step() {
  local __edeliver_name=$1 __edeliver_around=$2
  shift 2
  if [[ -n $__edeliver_around ]]; then
    __edeliver_hook "pre_$__edeliver_around"
  fi
  __edeliver_ask step "$__edeliver_name" "$@" || exit "$?"
  if [[ -n $__edeliver_around ]]; then
    __edeliver_hook "post_$__edeliver_around"
  fi
}

for __edeliver_word in init_app_remotely git_push git_submodules erlang_get_and_update_deps \
  erlang_clean_compile erlang_generate_release relx_generate_relup upgrade_release; do
  eval "$__edeliver_word() { __edeliver_step $__edeliver_word $__edeliver_word \"\$@\"; }"
done
for __edeliver_word in authorize_hosts authorize_deploy_hosts_on_release_store \
  authorize_release_store_on_build_host authorize_release_store_host git_reset_remote \
  git_checkout_remote git_clean_remote get_latest_commit erlang_archive_release \
  copy_release_to_release_store copy_release_to_local_temp_dir upload_file_to_release_store \
  select_release_from_store validate_release_is_in_store list_releases_in_store \
  upload_release_archive remote_clean_release_dir rename_release_add_version \
  rename_release_remove_version remove_built_release_archive rebar_generate_appup \
  rebar_generate_upgrade copy_appups_to_release_store \
  copy_appups_from_release_store_to_build_host start_build_container stop_build_container \
  require_deploy_config require_node_config execute_node_command; do
  eval "$__edeliver_word() { __edeliver_step $__edeliver_word '' \"\$@\"; }"
done
force_start_release() {
  __edeliver_step force_start_release start_deployed_release "$@"
}
remote_extract_release_archive() {
  __edeliver_step remote_extract_release_archive extract_release_archive "$@"
}

# ---- asking edeliver while a function runs ------------------------------------------------------

# What we do ourselves is not traced: `set -x` is for the config.
__edeliver_untraced() {
  case $- in
    *x*) set +x && __edeliver_traced=yes ;;
    *) __edeliver_traced=no ;;
  esac
}

__edeliver_traced_again() {
  if [[ ${__edeliver_traced-} == yes ]]; then
    set -x
  fi
}

__edeliver_ask() {
  { __edeliver_untraced; } 2>/dev/null
  local __edeliver_result=0
  __edeliver_question "$@" || __edeliver_result=$?
  __edeliver_traced_again
  return "$__edeliver_result"
}

# Several may ask at once, from background jobs too: each has an answer of its own. An answer is a
# status, variables to set, and output, which is printed.
__edeliver_question() {
  local __edeliver_id=0 __edeliver_reply
  until "$__edeliver_mkfifo" -m 600 "$__edeliver_dir/reply.$__edeliver_id" 2>/dev/null; do
    __edeliver_id=$((__edeliver_id + 1))
    [[ $__edeliver_id -lt 1000 ]] || return 125
  done
  __edeliver_reply=$__edeliver_dir/reply.$__edeliver_id
  case $1 in
    *remote) if [[ -p /dev/stdin || -f /dev/stdin ]]; then
        "$__edeliver_cat" >|"$__edeliver_dir/stdin.$__edeliver_id"
      fi ;;
  esac
  {
    builtin printf '%s\0' "$1" "$(($# - 1))"
    shift
    builtin printf '%s\0' "$@"
    __edeliver_variables
  } >|"$__edeliver_dir/request.$__edeliver_id"
  __edeliver_answer "$__edeliver_id" 186<>"$__edeliver_reply"
}

__edeliver_answer() {
  local __edeliver_status='' __edeliver_name='' __edeliver_length=''
  builtin printf 'request %s\0' "$1" >&189
  # The wait is cut up to notice that edeliver is gone.
  until IFS= builtin read -r -d '' -t 5 __edeliver_status <&186; do
    builtin kill -0 "$__edeliver_owner" 2>/dev/null || return 125
  done
  while IFS= builtin read -r -d '' __edeliver_name <&186 && [[ -n $__edeliver_name ]]; do
    IFS= builtin read -r -d '' "$__edeliver_name" <&186 || :
  done
  IFS= builtin read -r -d '' __edeliver_length <&186
  if [[ $__edeliver_length != 0 ]]; then
    "$__edeliver_head" -c "$__edeliver_length" <&186
  fi
  return "$__edeliver_status"
}

# The output of what runs in a command substitution is a value.
__edeliver_remote() {
  local __edeliver_use=show
  if [[ ${BASHPID:-$(exec "$__edeliver_sh" -c "echo \$PPID")} != "$$" ]]; then
    __edeliver_use=value
  fi
  # What went wrong was said by edeliver. The original ended the shell as well.
  __edeliver_ask "$1" "$2" "$3" "$__edeliver_use" || exit 1
}

# ---- statuses -----------------------------------------------------------------------------------

# Remembers the command that failed last, and where it stands when that is outside this file.
# No test here: to bash 3.2 `[[ ]]` is a command that failed even as the condition of an `if`.
__edeliver_note() {
  __edeliver_failed=$1
  case $3 in
    "$__edeliver_dir/prelude.bash") ;;
    *) __edeliver_line=$2 __edeliver_file=$3 ;;
  esac
  # Before bash 5.1 a subshell that fails does not show up as the command that failed.
  case ${BASH_SUBSHELL-0}/${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]} in
    0/* | */[6-9].* | */[1-9][0-9].* | */5.[1-9]*) ;;
    *) : >|"$__edeliver_dir/subshell" ;;
  esac
}

# Whether the last thing that ran was a bare test, as in `[ -f x ] && cmd` when there is no x. One
# that is false has status 1.
__edeliver_fell_through() {
  case $1/${__edeliver_failed-} in
    '1/[ '* | '1/[[ '* | '1/test '* | '1/(('*) ;;
    *) return 1 ;;
  esac
  # What a test substitutes may fail: the subshell is taken for that one then.
  # shellcheck disable=SC2016 # they are meant as they stand
  case ${__edeliver_failed-} in
    *'$('* | *'`'* | *'<('*) return 0 ;;
  esac
  [[ ! -e $__edeliver_dir/subshell ]]
}

__edeliver_forget() {
  __edeliver_failed='' __edeliver_line='' __edeliver_file=''
  if [[ -e $__edeliver_dir/subshell ]]; then
    "$__edeliver_rm" -f "$__edeliver_dir/subshell"
  fi
}

# Runs a hook for a step that a function of the project called.
__edeliver_hook() {
  [[ $(builtin declare -F "$1") ]] || return 0
  __edeliver_forget
  "$1"
  __edeliver_judge "$?" "$1" || exit "$?"
}

__edeliver_judge() {
  if [[ $1 == 0 ]] || __edeliver_fell_through "$1"; then
    return 0
  fi
  if [[ ${HOOK_ERREXIT-} == false ]]; then
    hint_message "$2 returned $1, which HOOK_ERREXIT=false ignores"
    return 0
  fi
  error_message "$2 failed with status $1" >&2
  return "$1"
}

# ---- the conversation ---------------------------------------------------------------------------

# Every variable: name, kind and value. The kinds: s(et), x (exported), a(rray, whose value stays
# here). An empty name ends the list.
__edeliver_variables() {
  local __edeliver_name IFS=$'\n' __edeliver_exported __edeliver_arrays
  __edeliver_exported=$'\n'$(builtin compgen -A export)$'\n'
  __edeliver_arrays=$'\n'$(builtin compgen -A arrayvar)$'\n'
  for __edeliver_name in $(builtin compgen -A variable); do
    case $__edeliver_name in
      __edeliver_* | BASH* | IFS | _) continue ;;
    esac
    if [[ $__edeliver_arrays == *$'\n'"$__edeliver_name"$'\n'* ]]; then
      builtin printf '%s\0a\0\0' "$__edeliver_name"
    elif [[ -n ${!__edeliver_name+set} ]]; then
      if [[ $__edeliver_exported == *$'\n'"$__edeliver_name"$'\n'* ]]; then
        builtin printf '%s\0x\0%s\0' "$__edeliver_name" "${!__edeliver_name}"
      else
        builtin printf '%s\0s\0%s\0' "$__edeliver_name" "${!__edeliver_name}"
      fi
    fi
  done
  builtin printf '\0'
}

# Every function with its line and file, one a line; an empty record ends them.
__edeliver_functions() {
  local __edeliver_names __edeliver_name IFS=$'\n'
  __edeliver_names=$(builtin compgen -A function)
  (
    builtin shopt -s extdebug
    for __edeliver_name in $__edeliver_names; do
      builtin declare -F "$__edeliver_name"
    done
  )
  builtin printf '\0'
}

# Takes in the next command: variables that changed, then what to do. Ends with edeliver.
__edeliver_next() {
  local __edeliver_kind='' __edeliver_name='' __edeliver_count=''
  while IFS= builtin read -r -d '' __edeliver_kind <&187 && [[ $__edeliver_kind != run ]]; do
    IFS= builtin read -r -d '' __edeliver_name <&187 || return 1
    case $__edeliver_kind in
      unset) builtin unset -v "$__edeliver_name" ;;
      *) IFS= builtin read -r -d '' "$__edeliver_name" <&187 || return 1 ;;
    esac
    if [[ $__edeliver_kind == export ]]; then
      builtin export "$__edeliver_name"
    fi
  done
  IFS= builtin read -r -d '' __edeliver_verb <&187 || return 1
  IFS= builtin read -r -d '' __edeliver_count <&187 || return 1
  __edeliver_words=()
  while [[ ${#__edeliver_words[@]} -lt $__edeliver_count ]]; do
    IFS= builtin read -r -d '' __edeliver_name <&187 || return 1
    __edeliver_words[${#__edeliver_words[@]}]=$__edeliver_name
  done
  __edeliver_forget
  __edeliver_output=
  __edeliver_watch
  __edeliver_traced_again
}

# Hooks may take away the trap that tells what failed; it is back for the next one.
__edeliver_watch() {
  set -E
  builtin trap '__edeliver_note "$BASH_COMMAND" "$LINENO" "${BASH_SOURCE[0]-}"' ERR
}

# Says how the command ended.
__edeliver_done() {
  local __edeliver_fine=no
  if [[ $1 != 0 ]] && __edeliver_fell_through "$1"; then
    __edeliver_fine=yes
  fi
  builtin printf 'done %s\0' "$1" >&189
  {
    builtin printf '%s\0' "$__edeliver_fine" "${__edeliver_failed-}" "${__edeliver_file-}" \
      "${__edeliver_line-}" "${__edeliver_output-}"
    __edeliver_variables
    if [[ $__edeliver_verb == load ]]; then
      __edeliver_functions
    fi
  } >&188
}

# `exit` in a function ends this bash, and with it what edeliver can ask of it.
__edeliver_exiting() {
  builtin printf 'exit %s\0' "$1" >&189
  builtin printf '%s\0' no "${__edeliver_failed-}" "${__edeliver_file-}" "${__edeliver_line-}" '' >&188
}

builtin trap '__edeliver_exiting "$?"' EXIT
# At the top level, where a config that declares variables declares them for everybody, and not
# guarded, so that a config's own `set -e` counts.
while __edeliver_next; do
  case $__edeliver_verb in
    load) source "${__edeliver_words[0]}" ;;
    call) "${__edeliver_words[@]}" ;;
    value) __edeliver_output=$("${__edeliver_words[@]}") ;;
  esac
  { __edeliver_status=$? && __edeliver_untraced; } 2>/dev/null
  __edeliver_done "$__edeliver_status" || :
done
builtin trap - EXIT
