//! `scripts/adopt` on projects as they are found: what it changes, what it refuses, and the way back.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

/// A project in git.
struct Project(tempfile::TempDir);

/// How it ended, and what it said.
struct Said {
    status: i32,
    text: String,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        project.git(&["init", "--quiet"]);
        project.file(".deliver/config", "APP=\"shop\"\n");
        for (name, content) in files {
            project.file(name, content);
        }
        project.commit();
        project
    }

    fn of_mix(dependencies: &str) -> Self {
        Self::new(&[("mix.exs", &mix_exs(dependencies))])
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).unwrap()
    }

    fn file(&self, name: &str, content: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    fn link(&self, name: &str) -> Utf8PathBuf {
        self.path().join(name).read_link_utf8().unwrap()
    }

    fn git(&self, args: &[&str]) {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        duct::cmd("git", identity.iter().chain(args)).dir(self.path()).stdout_null().run().unwrap();
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "x"]);
    }

    fn adopt(&self, option: &str) -> Said {
        let mut command = Command::new(Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/adopt"));
        command.arg(self.path()).env("EDELIVER_BIN", env!("CARGO_BIN_EXE_edeliver"));
        command.env("LOG_FILE", self.path().join(".git/log"));
        if !option.is_empty() {
            command.arg(option);
        }
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        Said { status: output.status.code().unwrap(), text: String::from_utf8(text).unwrap() }
    }

    /// Every file, link and mode, without git's own.
    fn tree(&self) -> BTreeMap<Utf8PathBuf, (u32, Vec<u8>)> {
        fn collect(directory: &Utf8Path, tree: &mut BTreeMap<Utf8PathBuf, (u32, Vec<u8>)>) {
            for entry in directory.read_dir_utf8().unwrap() {
                let path = entry.unwrap().into_path();
                let meta = path.symlink_metadata().unwrap();
                let content = match path.file_name() {
                    Some(".git") => continue,
                    _ if meta.is_symlink() => path.read_link_utf8().unwrap().into_string().into_bytes(),
                    _ if meta.is_dir() => Vec::new(),
                    _ => fs::read(&path).unwrap(),
                };
                if meta.is_dir() {
                    collect(&path, tree);
                }
                tree.insert(path, (meta.permissions().mode(), content));
            }
        }
        let mut tree = BTreeMap::new();
        collect(self.path(), &mut tree);
        tree
    }

    /// Adopts it.
    fn written(&self) -> Said {
        let said = self.adopt("--write").succeeds("Written");
        assert!(self.path().join("vendor/edeliver/lib/mix/tasks/edeliver.ex").exists());
        said
    }

    /// Adopts it, with all that holds for every adoption.
    fn adopted(&self) -> Said {
        let before = self.tree();
        self.adopt("").succeeds("Nothing was written");
        assert_eq!(self.tree(), before);
        let said = self.written();
        let after = self.tree();
        self.adopt("--write").succeeds("adopted already");
        assert_eq!(self.tree(), after);
        self.adopt("--undo").succeeds("as it was before");
        assert_eq!(self.tree(), before);
        self.adopt("--write").succeeds("Written");
        assert_eq!(self.tree(), after);
        said
    }

    /// Has it refused, with all that holds for every refusal.
    fn refused(&self, status: i32, why: &str) {
        let before = self.tree();
        let said = self.adopt("--write");
        assert!(said.status == status && said.text.contains(why), "{}: {}", said.status, said.text);
        assert_eq!(self.tree(), before);
        assert!(!self.path().join(".git/edeliver-adopt").exists());
    }
}

impl Said {
    fn succeeds(self, text: &str) -> Self {
        assert!(self.status == 0 && self.text.contains(text), "{}: {}", self.status, self.text);
        self
    }

    fn fails(self, text: &str) {
        assert!(self.status == 1 && self.text.contains(text), "{}: {}", self.status, self.text);
    }
}

/// With everything in it that only looks like a dependency.
fn mix_exs(dependencies: &str) -> String {
    format!(
        "defmodule Shop.MixProject do\n  use Mix.Project\n\n  # {{:edeliver, \"~> 1.0\"}}, as the guide says\n  \
         def project do\n    [app: :shop, version: \"1.0.0\", name: \"the {{:edeliver, \\\"1\\\"}} shop\",\n     \
         docs: ~r/\"{{/, mark: ?\", deps: deps()]\n  end\n\n  def application do\n    \
         [extra_applications: [:logger, :edeliver]]\n  end\n\n  defp deps do\n    [{dependencies}]\n  end\nend\n"
    )
}

#[test]
fn forms_of_mix_dependencies() {
    let path = "path: \"vendor/edeliver\"";
    let around = ["{:jason, \"~> 1.0\"}, @", "@,\n     {:distillery, \"~> 2.0\"}", "\n      @\n    "];
    for ((form, options), around) in [
        (r#"{:edeliver, "~> 1.4"}"#, ""),
        (r#"{:edeliver, ">= 1.6.0", runtime: false}"#, ", runtime: false"),
        (
            "{:edeliver,\n      \"~> 1.4.0\",\n      only: [:dev, :prod],\n      runtime: false\n    }",
            ", only: [:dev, :prod], runtime: false",
        ),
        (r#"{ :edeliver, "~> 1.4", only: :dev }"#, ", only: :dev"),
        (r#"{:edeliver, git: "https://github.com/edeliver/edeliver.git", tag: "1.9.2"}"#, ""),
        (r#"{:edeliver, github: "boldpoker/edeliver", override: true}"#, ", override: true"),
        ("{:edeliver,\r\n \"~> 1.4\"}", ""),
    ]
    .into_iter()
    .zip(around.into_iter().cycle())
    {
        let project = Project::of_mix(&around.replace('@', form));
        project.written();
        let expected = mix_exs(&around.replace('@', &format!("{{:edeliver, {path}{options}}}")));
        assert_eq!(project.text("mix.exs"), expected);
    }
}

#[test]
fn mix_files_that_are_not_understood() {
    for (form, why) in [
        (r#"{:edeliver, "~> 1.4"}, {:edeliver, "~> 1.5"}"#, "several"),
        ("{:edeliver, # for now\n \"~> 1.4\"}", "mix.exs:15: there is a comment"),
        ("{:edeliver, version()}", "'version()' in the dependency on edeliver is not understood"),
        (r#"{:edeliver, "~> 1.4", [runtime: false]}"#, "is not understood"),
        (r#"{:edeliver, "~> 1.4", system_env: []}"#, "'system_env' in the dependency"),
    ] {
        Project::of_mix(form).refused(2, why);
    }
    let umbrella = Project::of_mix("");
    umbrella.file("apps/web/mix.exs", &mix_exs(r#"{:edeliver, "~> 1.4"}"#));
    umbrella.refused(2, "apps/web/mix.exs depends on edeliver, too");
    let taken = Project::of_mix(r#"{:edeliver, "~> 1.4"}"#);
    taken.file("vendor/edeliver/mix.exs", "something else\n");
    taken.refused(2, "is there already");
    let ignored = Project::of_mix(r#"{:edeliver, "~> 1.4"}"#);
    ignored.file(".gitignore", "/vendor\n");
    ignored.refused(2, "git ignores vendor/edeliver");
}

// What is adopted works, without anything being fetched, and mix finds its lock in order.
#[test]
fn mix_takes_the_adopted_project() {
    let project = Project::of_mix(r#"{:edeliver, "~> 1.9", runtime: false}"#);
    let lock =
        "%{\n  \"edeliver\": {:hex, :edeliver, \"1.9.2\", \"00\", [:mix], [], \"hexpm\", \"00\"},\n}\n";
    project.file("mix.lock", lock);
    project.commit();
    project.adopted();
    assert_eq!(project.text("mix.lock"), "%{\n}\n");
    let home = tempfile::tempdir().unwrap();
    for words in [&["deps.get"][..], &["deps.unlock", "--check-unused"], &["edeliver", "--version"]] {
        let output = duct::cmd("mix", words)
            .dir(project.path())
            .env("EDELIVER_BIN", env!("CARGO_BIN_EXE_edeliver"))
            .env("MIX_HOME", home.path())
            .env("LANG", "C.UTF-8")
            .stderr_to_stdout()
            .stdout_capture()
            .unchecked()
            .run()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "mix {words:?}: {text}");
        assert!(words[0] != "edeliver" || text.contains(env!("CARGO_PKG_VERSION")), "{text}");
    }
}

#[test]
fn forms_of_rebar_dependencies() {
    let git = r#"{git, "git://github.com/edeliver/edeliver.git", {tag, "1.9.2"}}"#;
    for (dependency, before, after) in [
        (
            format!("{{edeliver, {git}}}"),
            "{deps, [\n  cowboy,\n  @,\n  jsx\n]}.\n",
            "{deps, [\n  cowboy,\n  jsx\n]}.\n",
        ),
        (
            format!("{{edeliver, \"1.9.2\",\n    {git}}}"),
            "{deps, [\n  cowboy,\n  @\n]}.\n",
            "{deps, [\n  cowboy\n]}.\n",
        ),
        (r#"{edeliver, "1.9.2"}"#.to_owned(), "{deps, [@, jsx]}. % \"\n", "{deps, [jsx]}. % \"\n"),
        (
            r#"{edeliver, "1.9.2"}"#.to_owned(),
            "%% {edeliver, \"1\"}\n{deps, [@]}.",
            "%% {edeliver, \"1\"}\n{deps, []}.",
        ),
    ] {
        let lock = "{\"1.2.0\",\n[{<<\"edeliver\">>,\n  {git,\"x\",{ref,\"y\"}},\n  0},\n {<<\"jsx\">>,{pkg,<<\"jsx\">>,<<\"2\">>},0}]}.\n";
        let project =
            Project::new(&[("rebar.config", &before.replace('@', &dependency)), ("rebar.lock", lock)]);
        symlink("./_build/default/lib/edeliver/bin/edeliver", project.path().join("edeliver")).unwrap();
        project.written();
        assert_eq!(project.text("rebar.config"), after);
        assert!(!project.text("rebar.lock").contains("edeliver"));
        assert_eq!(project.link("edeliver"), "vendor/edeliver/bin/edeliver");
        let terms = format!("{{ok, _}} = file:consult(\"{}/rebar.lock\"), halt().", project.path());
        duct::cmd!("erl", "-noshell", "-eval", terms).run().unwrap();
    }
    let dependency = format!("{{deps, [{{edeliver, {git}}}]}}.\n");
    let released = "{relx, [{release, {shop, \"1\"}, [shop, edeliver]}]}.\n";
    let project = Project::new(&[("rebar.config", &(dependency.clone() + released))]);
    project.refused(2, "names edeliver outside of the dependencies");
    let project = Project::new(&[
        ("rebar.config", &dependency),
        ("src/shop.app.src", "{application, shop, [{applications, [kernel, edeliver]}]}.\n"),
    ]);
    project.refused(2, "src/shop.app.src names edeliver");
    Project::new(&[("rebar.config", "{plugins, [{edeliver, load}]}.\n")])
        .refused(2, "'load' in the dependency");
}

// Links and scripts name the new program; a submodule stays until its owner takes it away.
#[test]
fn programs_that_are_called_by_their_path() {
    let project = Project::new(&[
        ("Makefile", "deploy:\n\t./deps/edeliver/bin/edeliver update production\n"),
        ("ci/deploy.sh", "exec tools/edeliver/bin/edeliver \"$@\""),
        (
            ".gitmodules",
            "[submodule \"e\"]\n\tpath = tools/edeliver\n\turl = https://github.com/edeliver/edeliver.git\n",
        ),
    ]);
    fs::create_dir(project.path().join("bin")).unwrap();
    symlink("../tools/edeliver/bin/edeliver", project.path().join("bin/ship")).unwrap();
    project.commit();
    fs::set_permissions(project.path().join("ci/deploy.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    project.commit();
    let said = project.adopted();
    assert!(said.text.contains("git rm tools/edeliver"), "{}", said.text);
    assert_eq!(project.text("Makefile"), "deploy:\n\t./vendor/edeliver/bin/edeliver update production\n");
    assert_eq!(project.text("ci/deploy.sh"), "exec vendor/edeliver/bin/edeliver \"$@\"");
    assert_eq!(project.link("bin/ship"), "../vendor/edeliver/bin/edeliver");
    let version = duct::cmd!(project.path().join("bin/ship").as_str(), "--version")
        .env("EDELIVER_BIN", env!("CARGO_BIN_EXE_edeliver"))
        .read()
        .unwrap();
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
}

#[test]
fn a_project_that_names_it_nowhere() {
    let project = Project::of_mix(r#"{:distillery, "~> 2.0"}"#);
    let before = project.tree();
    project.adopt("--write").succeeds("nothing is to be changed");
    assert_eq!(project.tree(), before);
    Project::new(&[(".deliver/config", "APP=\"shop\n")]).refused(2, ".deliver/config:1");
}

// Only what it changes must be committed, and nothing that was changed since is lost.
#[test]
fn changes_that_are_not_committed() {
    let project = Project::of_mix(r#"{:edeliver, "~> 1.4"}"#);
    let changed = project.text("mix.exs").replace("1.0.0", "1.1.0");
    project.file("mix.exs", &changed);
    project.refused(1, "mix.exs has changes that are not committed");
    project.commit();
    project.file("lib/shop.ex", "not committed\n");
    project.adopted();

    let adopted = project.text("mix.exs");
    project.file("mix.exs", &adopted.replace("1.1.0", "1.2.0"));
    let before = project.tree();
    project.adopt("--undo").fails("mix.exs was changed since");
    project.adopt("--write").fails("was changed since");
    assert_eq!(project.tree(), before);
    project.file("mix.exs", &adopted);
    project.adopt("--undo").succeeds("as it was before");
    assert_eq!(project.text("mix.exs"), changed);
}

// A writing that was cut short is put back.
#[test]
fn an_adoption_that_was_interrupted() {
    let project = Project::of_mix(r#"{:edeliver, "~> 1.4"}"#);
    let before = project.tree();
    project.adopt("--write").succeeds("Written");
    fs::remove_dir_all(project.path().join("vendor")).unwrap();
    project.git(&["checkout", "--quiet", "mix.exs"]);
    project.adopt("--undo").succeeds("as it was before");
    assert_eq!(project.tree(), before);
    project.adopt("--undo").fails("there is no record");
}

#[test]
fn a_config_with_functions() {
    let config = "APP=\"shop\"\nTARGET_MIX_ENV=\"staging\"\nDEMO_NODES=\"d@demo:/srv\"\n\
                  RELEASE_STORE=\"d@store:/srv/releases\"\n\
                  pre_erlang_clean_compile() {\n  __sync_remote \"make assets\"\n}\n\
                  git_push() { :; }\nremote_extract_release_archive() { :; }\nupgrade_release() { :; }\n\
                  post_start_deployed_release() { __remote \"echo x >>log\"; DELIVER_TO=/srv; }\n\
                  get_start_node_command() { :; }\n";
    let project = Project::new(&[
        ("mix.exs", &mix_exs(r#"{:edeliver, "~> 1.4"}"#)),
        (".deliver/config", config),
        (".deliver/strategies/erlang-status", "run() { :; }\n"),
    ]);
    let said = project.adopt("").succeeds("Nothing was written");
    let own = said.text.split("With this config:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    insta::assert_snapshot!(own);
    project.file(".deliver/config", &format!("HOOK_ERREXIT=false\n{config}"));
    let said = project.adopt("").succeeds("Nothing was written");
    assert!(!said.text.contains("D27"), "the old behaviour is pinned:\n{}", said.text);
}

// Nothing is named that is not in the table of differences.
#[test]
fn every_id_that_is_named_is_a_difference() {
    let table = include_str!("../compat/DIFFERENCES.md");
    let ids = regex::Regex::new(r"\bD\d+\b").unwrap();
    let named: Vec<&str> =
        ids.find_iter(include_str!("../src/commands/differences.rs")).map(|found| found.as_str()).collect();
    assert!(named.len() > 40);
    for id in named {
        assert!(table.contains(&format!("| {id} |")), "there is no {id}");
    }
}
