//! The settings of a build.

use super::error::SettingsError;
use super::{BuildSettings, BuildTool, Origin, ReleaseTool, Settings};
use crate::transport::HostAddr;

/// Handed to the build tools by their own names.
const PASSED_ON: &[&str] = &[
    "SKIP_RELUP_MODIFICATIONS",
    "RELUP_MODIFICATION_MODULE",
    "LINK_SYS_CONFIG",
    "LINK_VM_ARGS",
    "USING_DISTILLERY",
];

impl Settings {
    /// What a build needs.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] with all that is missing, or the first value that is invalid.
    pub fn build(&self) -> Result<BuildSettings, SettingsError> {
        let missing = self.missing_for_build()?;
        if !missing.is_empty() {
            return Err(self.missing("a build", missing));
        }
        let container = self.container();
        Ok(BuildSettings {
            app: self.app()?.to_owned(),
            host: self.build_host()?.unwrap_or_else(HostAddr::local),
            at: match &container {
                Some(_) => self.container_directory()?,
                None => self.required_path("BUILD_AT", "a build")?,
            },
            container,
            build_tool: self.build_tool()?,
            release_tool: self.release_tool()?,
            mix: self.words("MIX_CMD")?,
            rebar: self.words("REBAR_CMD")?,
            rebar3: self.words("REBAR3_CMD")?,
            relx: self.words("RELX_CMD")?,
            release_options: self.words("RELEASE_CMD_OPTIONS")?,
            rebar_profile: self.text("REBAR_PROFILE"),
            profile: self.required_path("PROFILE", "a build")?,
            mix_env: self.text("TARGET_MIX_ENV"),
            branch: self.optional("BRANCH").or_else(|| self.optional("REFSPEC")),
            revision: self.optional("REVISION").filter(|_| !self.tag_decides()),
            tag: self.optional("TAG"),
            git_push: self.words("GIT_PUSH")?,
            clean_paths: self.words("GIT_CLEAN_PATHS")?,
            skip_git_clean: self.is_true("SKIP_GIT_CLEAN"),
            skip_mix_clean: self.is_true("SKIP_MIX_CLEAN"),
            version_arguments: self.version_arguments(),
            appended_arguments: split(&self.text("AUTO_RELEASE_VERSION")),
            auto_version: self.text("AUTO_VERSION"),
            passed_on: PASSED_ON.iter().map(|name| ((*name).to_owned(), self.text(name))).collect(),
            release_dir: self.remote_path("RELEASE_DIR")?,
            release_version: self.optional("RELEASE_VERSION"),
            required_files: self.words("REQUIRED_FILES")?,
        })
    }

    /// The tool that makes releases.
    ///
    /// # Errors
    /// When RELEASE_CMD is none of the tools.
    pub fn release_tool(&self) -> Result<ReleaseTool, SettingsError> {
        // Only the literal `false` selects Elixir's own task (PARITY.md section 2).
        let own = self.get("USING_DISTILLERY") == Some("false");
        let mix = if own { ReleaseTool::MixRelease } else { ReleaseTool::Distillery };
        let tools = [
            ("mix", mix),
            ("rebar3", ReleaseTool::Rebar3),
            ("rebar", ReleaseTool::Rebar),
            ("relx", ReleaseTool::Relx),
        ];
        Ok(self.one_of("RELEASE_CMD", &tools)?.unwrap_or(mix))
    }

    /// The names that a build needs and that are not set.
    pub(super) fn missing_for_build(&self) -> Result<Vec<String>, SettingsError> {
        let mut missing = self.unset(&["APP", "BUILD_HOST", "BUILD_AT"]);
        let anonymous = self.container().is_none()
            && self.build_host()?.is_none_or(|host| !host.is_local() && host.user().is_none());
        if anonymous && self.get("BUILD_USER").is_none() {
            missing.insert(
                missing.iter().take_while(|name| *name != "BUILD_AT").count(),
                "BUILD_USER".to_owned(),
            );
        }
        Ok(missing)
    }

    fn build_host(&self) -> Result<Option<HostAddr>, SettingsError> {
        let hosts = self.hosts("BUILD_HOST", self.get("BUILD_USER"))?;
        if hosts.len() > 1 {
            return Err(self.invalid("BUILD_HOST", "a build takes place on one host; name only one"));
        }
        Ok(hosts.into_iter().next())
    }

    fn build_tool(&self) -> Result<BuildTool, SettingsError> {
        let tools = [("mix", BuildTool::Mix), ("rebar3", BuildTool::Rebar3), ("rebar", BuildTool::Rebar)];
        Ok(self.one_of("BUILD_CMD", &tools)?.unwrap_or(BuildTool::Mix))
    }

    /// Whether `--tag=` stands against a REVISION that was given farther away.
    fn tag_decides(&self) -> bool {
        let given = |name| self.setting(name).is_some_and(|setting| setting.origin == Origin::CommandLine);
        given("TAG") && !given("REVISION")
    }

    /// The words of `mix release.version`, in the original's order. `set` may stand before the
    /// version, as the original has it in its environment.
    fn version_arguments(&self) -> Vec<String> {
        let mut arguments = self.optional("INCREMENT_RELEASE_VERSION").unwrap_or_default();
        if let Some(version) = self.get("SET_RELEASE_VERSION") {
            let version = version.trim().strip_prefix("set ").unwrap_or(version).trim();
            arguments = format!("{arguments} set {version}");
        }
        let arguments = format!("{arguments} {}", self.text("AUTO_RELEASE_VERSION"));
        split(&arguments)
    }
}

fn split(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
