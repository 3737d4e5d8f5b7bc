//! Docker, where a scenario has it: an engine on the user's machine and on each host, and one registry.

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use serde::Deserialize;

use crate::common::registry::Registry;
use crate::lane::{HOST_TAR, TOOL, TOOLS};
use crate::project::{APP, Templates, write_tool, write_write_down};
use crate::scenario::Scenario;
use crate::tree::{self, Tree};

/// The engine: it runs what is called in it on this machine.
const ENGINE: &str = include_str!("../stand_in/docker.sh");
/// What calls it.
const CLI: &str = include_str!("tools/docker.sh");
/// What reaches the registry.
const CURL: &str = include_str!("tools/curl_registry.sh");

/// What there is before. Images are called `NAME:VERSION-TAG`, and hold the release of this version.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Docker {
    /// Images of the registry.
    #[serde(default)]
    pub pushed: Vec<String>,
    /// Images of the user's machine.
    #[serde(default)]
    pub images: Vec<String>,
    /// Whether the registry is a real one as well, `@REGISTRY@`. Without it nobody reaches one over HTTP.
    #[serde(default)]
    pub registry: bool,
    /// The script in the images that controls containers.
    #[serde(default)]
    pub start_container: Option<String>,
}

impl Docker {
    /// Starts the registry of a scenario, and gives the scenario its name.
    pub fn start_registry(&self, scenario: &Scenario) -> (Registry, Scenario) {
        let registry = Registry::open();
        let named = |text: &String| text.replace("@REGISTRY@", &registry.host());
        let docker = Self { pushed: self.pushed.iter().map(named).collect(), ..self.clone() };
        for image in &docker.pushed {
            let name = image.strip_prefix(&format!("{}/", registry.host())).expect("it is of this registry");
            let (name, tag) = name.rsplit_once(':').unwrap();
            registry.tag(name, tag);
        }
        let config = named(&scenario.config);
        (registry, Scenario { config, docker: Some(docker), ..scenario.clone() })
    }
}

/// What the engine of a machine keeps, whose tools have this directory.
fn engine(outer: &Utf8Path) -> Utf8PathBuf {
    outer.join("docker")
}

/// What build containers of this user have.
pub fn container(user: &Utf8Path) -> Utf8PathBuf {
    user.join("container")
}

/// Puts an engine on a machine. The registry is on the user's.
pub fn lay_out(outer: &Utf8Path, tools: &Utf8Path, user: &Utf8Path) {
    let (engine, registry) = (engine(outer), engine(user).join("pushed"));
    drop(std::fs::remove_dir_all(&engine));
    fs::create_dir_all(&engine).unwrap();
    write_tool(&engine.join("docker"), ENGINE, &[]);
    let container = container(user);
    let names =
        [("@OUTER@", outer.as_str()), ("@ENGINE@", engine.as_str()), ("@CONTAINER@", container.as_str())];
    write_tool(&tools.join("docker"), CLI, &names);
    if outer == user {
        fs::create_dir(registry).unwrap();
        write_tool(&tools.join("curl"), CURL, &names);
    } else {
        std::os::unix::fs::symlink(registry, engine.join("pushed")).unwrap();
    }
}

/// Puts the images there, and the tools that build containers have: those of a build host.
pub fn lay_out_images(docker: &Docker, user: &Utf8Path, scenario: &Scenario, templates: &Templates) {
    for (place, images) in [("pushed", &docker.pushed), ("images", &docker.images)] {
        for image in images {
            let directory = engine(user).join(place).join(image.replace(['/', ':'], "_"));
            let root = directory.join("rootfs").join(APP);
            let (_, tag) = image.rsplit_once(':').unwrap();
            let (version, _) = tag.split_once('-').unwrap();
            fs::create_dir_all(root.parent().unwrap()).unwrap();
            duct::cmd!("cp", "-R", templates.of(version), &root).run().unwrap();
            if let Some(script) = &docker.start_container {
                write_tool(&root.join("bin/start_container"), script, &[]);
            }
            let changes = format!("LABEL edeliver.release.command=mix\nWORKDIR /{APP}\n");
            fs::write(directory.join("changes"), changes).unwrap();
            fs::write(directory.join("id"), format!("sha256:{image}\n")).unwrap();
        }
    }
    let container = container(user);
    drop(std::fs::remove_dir_all(&container));
    for name in ["own", "tools"] {
        fs::create_dir_all(container.join(name)).unwrap();
    }
    write_write_down(&container);
    write_tool(&container.join("tools/tar"), HOST_TAR, &[]);
    let names = [("@OUTER@", container.as_str()), ("@APP@", APP), ("@TEMPLATES@", templates.path().as_str())];
    let own = scenario.tools.iter().filter(|(tool, _)| !tool.contains('/'));
    for (tool, script) in own {
        write_tool(&container.join("own").join(tool), script, &names);
    }
    let own = scenario.tools.keys().map(String::as_str).filter(|tool| !tool.contains('/'));
    for tool in TOOLS.into_iter().chain(own).filter(|tool| *tool != "docker") {
        write_tool(&container.join("tools").join(tool), TOOL, &names);
    }
}

/// What an engine has: images, those of the registry where it is here, and containers by their names.
pub fn tree(outer: &Utf8Path) -> Tree {
    let mut tree = tree::below(&engine(outer));
    tree.retain(|path, _| match path.split_once('/') {
        Some(("containers", path)) => path.trim_end_matches('/').split('/').count() == 1 && !path.is_empty(),
        Some((_, path)) => !path.is_empty() && !path.ends_with("/id"),
        None => false,
    });
    tree
}
