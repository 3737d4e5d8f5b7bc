//! The names by which edeliver knows functions of a config (PARITY.md section 5).

use std::fmt;

use strsim::damerau_levenshtein;

/// A step of the original, which a config may redefine and a strategy may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepName {
    /// The name of the function.
    pub function: &'static str,
    /// What stands behind `pre_` and `post_` in the names of its hooks; empty for a step without.
    pub hooked_as: &'static str,
}

const fn hooked(function: &'static str) -> StepName {
    StepName { function, hooked_as: function }
}

const fn plain(function: &'static str) -> StepName {
    StepName { function, hooked_as: "" }
}

/// Every step.
pub const STEPS: &[StepName] = &[
    hooked("init_app_remotely"),
    hooked("git_push"),
    hooked("git_submodules"),
    hooked("erlang_get_and_update_deps"),
    hooked("erlang_clean_compile"),
    hooked("erlang_generate_release"),
    hooked("relx_generate_relup"),
    hooked("upgrade_release"),
    StepName { function: "remote_extract_release_archive", hooked_as: "extract_release_archive" },
    StepName { function: "force_start_release", hooked_as: "start_deployed_release" },
    plain("authorize_hosts"),
    plain("authorize_deploy_hosts_on_release_store"),
    plain("authorize_release_store_on_build_host"),
    plain("authorize_release_store_host"),
    plain("git_reset_remote"),
    plain("git_checkout_remote"),
    plain("git_clean_remote"),
    plain("get_latest_commit"),
    plain("erlang_archive_release"),
    plain("copy_release_to_release_store"),
    plain("copy_release_to_local_temp_dir"),
    plain("upload_file_to_release_store"),
    plain("select_release_from_store"),
    plain("validate_release_is_in_store"),
    plain("list_releases_in_store"),
    plain("upload_release_archive"),
    plain("remote_clean_release_dir"),
    plain("rename_release_add_version"),
    plain("rename_release_remove_version"),
    plain("remove_built_release_archive"),
    plain("rebar_generate_appup"),
    plain("rebar_generate_upgrade"),
    plain("copy_appups_to_release_store"),
    plain("copy_appups_from_release_store_to_build_host"),
    plain("start_build_container"),
    plain("stop_build_container"),
    plain("require_deploy_config"),
    plain("require_node_config"),
    plain("execute_node_command"),
];

/// Hooks that are around no step, and functions that are asked for something.
const OTHERS: &[&str] = &[
    "pre_edit_relup",
    "pre_erlang_update",
    "post_erlang_update",
    "post_erlang_deployed_update",
    "execute_custom_node_command",
    "accepts_custom_command_argument",
    "print_custom_commands_help",
];

/// The commands of a node for which `get_<command>_node_command` is asked.
const NODE_COMMANDS: &[&str] =
    &["start", "stop", "restart", "ping", "version", "migrate", "migrations", "pid"];

/// What a function of a config is to edeliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It is called before or after something.
    Hook,
    /// It takes the place of a step, and of the hooks around it.
    Override,
    /// It answers a question, such as how a node is started.
    Answer,
    /// The config's own business.
    Own,
    /// Nobody calls it, although its name looks as if.
    NearMiss {
        /// The name that may be meant, when one is near.
        meant: Option<String>,
    },
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Hook => f.write_str("hook"),
            Role::Override => f.write_str("replaces the step and its hooks"),
            Role::Answer => f.write_str("asked when needed"),
            Role::Own => Ok(()),
            Role::NearMiss { meant: Some(meant) } => write!(f, "never called; is {meant} meant?"),
            Role::NearMiss { meant: None } => f.write_str("never called: there is no hook of this name"),
        }
    }
}

/// The step of that name.
pub fn step(function: &str) -> Option<&'static StepName> {
    STEPS.iter().find(|step| step.function == function)
}

/// What a function of that name is to edeliver.
pub fn role(function: &str) -> Role {
    if step(function).is_some() {
        return Role::Override;
    }
    let known = hooks_and_answers();
    if known.iter().any(|name| name == function) {
        let is_hook = function.starts_with("pre_") || function.starts_with("post_");
        return if is_hook { Role::Hook } else { Role::Answer };
    }
    if function.starts_with("get_") && function.ends_with("_node_command") {
        return Role::Answer;
    }
    let meant = nearest(function, known);
    let looks_like_one = function.starts_with("pre_") || function.starts_with("post_");
    if meant.is_some() || looks_like_one { Role::NearMiss { meant } } else { Role::Own }
}

fn hooks_and_answers() -> Vec<String> {
    let hooks = STEPS.iter().filter(|step| !step.hooked_as.is_empty());
    let hooks = hooks.flat_map(|step| ["pre", "post"].map(|when| format!("{when}_{}", step.hooked_as)));
    let answers = NODE_COMMANDS.iter().map(|command| format!("get_{command}_node_command"));
    hooks.chain(OTHERS.iter().map(|name| (*name).to_owned())).chain(answers).collect()
}

/// The name that is at most a slip or two away. Helpers of a config have short names by chance near
/// to anything, so those need to be nearer.
fn nearest(function: &str, mut known: Vec<String>) -> Option<String> {
    known.extend(STEPS.iter().map(|step| step.function.to_owned()));
    let allowed = if function.len() < 12 { 1 } else { 3 };
    let near = known.into_iter().map(|name| (damerau_levenshtein(function, &name), name));
    near.filter(|(distance, _)| *distance <= allowed).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_its_role() {
        let near = |meant: &str| Role::NearMiss { meant: Some(meant.to_owned()) };
        for (function, expected) in [
            ("pre_erlang_get_and_update_deps", Role::Hook),
            ("post_extract_release_archive", Role::Hook),
            ("post_erlang_deployed_update", Role::Hook),
            ("git_push", Role::Override),
            ("remote_extract_release_archive", Role::Override),
            ("get_start_node_command", Role::Answer),
            ("get_eval_node_command", Role::Answer),
            ("print_custom_commands_help", Role::Answer),
            ("build_assets", Role::Own),
            ("run", Role::Own),
            ("pre_erlang_generate_relase", near("pre_erlang_generate_release")),
            ("pre_erlang_get_update_deps", Role::NearMiss { meant: None }),
            ("pre_start_deploy_release", near("pre_start_deployed_release")),
            ("erlang_clean_compil", near("erlang_clean_compile")),
            ("git_pusch", near("git_push")),
            ("pre_deploy", Role::NearMiss { meant: None }),
            ("pre_git_reset_remote", Role::NearMiss { meant: None }),
        ] {
            assert_eq!(role(function), expected, "{function}");
        }
    }

    #[test]
    fn the_prelude_defines_every_step() {
        let prelude = include_str!("../../compat/prelude.bash");
        for step in STEPS {
            let mut words = prelude.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            assert!(words.any(|word| word == step.function), "{}", step.function);
        }
    }
}
