//! The first config of a project, as text.

use crate::transport::HostAddr;

/// What is known of a project. What is not known yet stands in the text as a comment.
pub struct Draft {
    /// APP.
    pub app: String,
    /// BUILD_HOST and BUILD_USER.
    pub build: Option<HostAddr>,
    /// BUILD_AT.
    pub build_at: Option<String>,
    /// STAGING_HOSTS and STAGING_USER.
    pub staging: Vec<HostAddr>,
    /// PRODUCTION_HOSTS and PRODUCTION_USER.
    pub production: Vec<HostAddr>,
    /// DELIVER_TO.
    pub directory: Option<String>,
    /// BRANCH.
    pub branch: Option<String>,
    /// The file that says how it is built, with the tool.
    pub tool: Option<(&'static str, &'static str)>,
}

impl Draft {
    /// All hosts, each once.
    pub fn hosts(&self) -> Vec<HostAddr> {
        let mut hosts: Vec<HostAddr> = Vec::new();
        for host in self.build.iter().chain(&self.staging).chain(&self.production) {
            if !hosts.contains(host) {
                hosts.push(host.clone());
            }
        }
        hosts
    }

    /// The file.
    pub fn text(&self) -> String {
        let app = &self.app;
        let directory = self.directory.clone().unwrap_or_else(|| format!("~/{app}"));
        let build_at = self.build_at.clone().unwrap_or_else(|| format!("~/builds/{app}"));
        let tool = match self.tool {
            Some((file, tool)) => {
                format!("It is built with {tool}, since it has a {file}; BUILD_CMD says otherwise.")
            }
            None => "BUILD_CMD says how it is built: mix, rebar3 or rebar.".to_owned(),
        };
        let branch = match &self.branch {
            Some(branch) => format!("BRANCH={}", quoted(branch)),
            None => "#BRANCH=main".to_owned(),
        };
        let build: Vec<HostAddr> = self.build.iter().cloned().collect();
        format!(
            "# The settings of edeliver for {app}. It is a bash file: NAME=value.\n\
             # 'edeliver check config' shows every setting; secrets belong into .deliver/.env.\n\
             \n# Name of the application and its release.\n\
             APP={}\n\
             \n# ---- where to build: an ssh host, or 'local'\n\n{}\
             BUILD_AT={}\n\
             # {tool}\n\
             # Without a branch: master, and where there is none, main.\n\
             {branch}\n\
             \n# ---- where to deploy: all hosts of a stage are changed, or none\n\n{}{}\
             # The directory on the hosts; the release comes to {app} in it.\n\
             DELIVER_TO={}\n\
             #TEST_AT=$DELIVER_TO\n\
             \n# A URL that is fetched from the host, or a command run there, once the node has started.\n\
             #HEALTH_CHECK=http://localhost:4000/health\n",
            quoted(app),
            hosts("BUILD_HOST", "BUILD_USER", &build, "build.example.com"),
            quoted(&build_at),
            hosts("STAGING_HOSTS", "STAGING_USER", &self.staging, "staging.example.com"),
            hosts(
                "PRODUCTION_HOSTS",
                "PRODUCTION_USER",
                &self.production,
                "www1.example.com www2.example.com"
            ),
            quoted(&directory),
        )
    }
}

/// The hosts of a purpose and the user that they have in common; an example where there are none. Users that
/// differ stay with their hosts.
fn hosts(name: &str, user: &str, hosts: &[HostAddr], example: &str) -> String {
    let Some(first) = hosts.first() else {
        return format!("#{name}={}\n#{user}=deploy\n", quoted(example));
    };
    let common = first.user().filter(|user| hosts.iter().all(|host| host.user() == Some(user)));
    let shown: Vec<String> = hosts
        .iter()
        .map(|host| {
            let text = host.to_string();
            match common {
                Some(_) => text.split_once('@').map_or(text.clone(), |(_, host)| host.to_owned()),
                None => text,
            }
        })
        .collect();
    let user = match common {
        Some(common) => format!("{user}={}", quoted(common)),
        None => format!("#{user}=deploy"),
    };
    format!("{name}={}\n{user}\n", quoted(&shown.join(" ")))
}

/// The value as bash reads it again. Nothing in it is expanded; a `~` is, when it is used.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}
