//! The node commands: `start`, `stop`, `restart`, `ping`, `version`, `migrate`, `migrations`,
//! `remote_console`, `logs`.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};

use super::examples;
use super::values::{self, Direction, NodeEnvironment};
use crate::transport::HostAddr;

/// What to do with the nodes of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Node {
    /// Starts the nodes of an environment and waits until they answer.
    #[command(override_usage = "edeliver start [[on] ENV] [OPTIONS]", after_long_help = examples::START)]
    Start(NodeOptions),
    /// Stops the nodes of an environment and waits until they are gone.
    #[command(override_usage = "edeliver stop [[on] ENV] [OPTIONS]", after_long_help = examples::STOP)]
    Stop(NodeOptions),
    /// Restarts the nodes of an environment.
    #[command(override_usage = "edeliver restart [[on] ENV] [OPTIONS]", after_long_help = examples::RESTART)]
    Restart(Restart),
    /// Asks whether the nodes of an environment are running.
    #[command(override_usage = "edeliver ping [[on] ENV] [OPTIONS]", after_long_help = examples::PING)]
    Ping(NodeOptions),
    /// Asks the nodes of an environment which version they run.
    #[command(override_usage = "edeliver version [[on] ENV] [OPTIONS]", after_long_help = examples::VERSION)]
    Version(NodeOptions),
    /// Migrates the database, on a node of an environment.
    ///
    /// The release that holds the migrations must be deployed before. It migrates through edeliver's
    /// own module where it has that (then the node must run), else by `bin/APP eval` of
    /// App.Release.migrate() or MIGRATE_EVAL. On the first node only, unless MIGRATE_ON=all.
    #[command(override_usage = "edeliver migrate [[on] ENV] [up|down] [OPTIONS]", after_long_help = examples::MIGRATE)]
    Migrate(Migrate),
    /// Shows the migrations that have not run yet.
    ///
    /// 'edeliver show migrations [on] ENV' is the same.
    #[command(override_usage = "edeliver [show] migrations [[on] ENV] [OPTIONS]", after_long_help = examples::MIGRATIONS)]
    Migrations(NodeOptions),
    /// Opens the console of a running node in your terminal.
    ///
    /// Ctrl-c goes to the console; in Elixir's, pressed twice it leaves the node running and ends the
    /// console. Where an environment has several nodes, --host= chooses one.
    #[command(name = "remote_console", alias = "remote-console")]
    #[command(override_usage = "edeliver remote_console [[on] ENV] [OPTIONS]", after_long_help = examples::REMOTE_CONSOLE)]
    RemoteConsole(NodeOptions),
    /// Shows the logs of the nodes of an environment, each line behind its host.
    ///
    /// The newest of the files that the start script or the release writes below its own directory, or
    /// the files that NODE_LOGS names.
    #[command(override_usage = "edeliver logs [[on] ENV] [OPTIONS]", after_long_help = examples::LOGS)]
    Logs(Logs),
}

/// Which nodes.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct NodeOptions {
    /// staging, production, or any NAME with a setting <NAME>_NODES [default: staging].
    #[arg(id = "NODE_ENVIRONMENT", value_name = "ENV")]
    pub environment: Option<NodeEnvironment>,
    /// Only the node on this host ([user@]host).
    #[arg(id = "HOST", long = "host", value_name = "HOST", require_equals = true)]
    pub host: Option<HostAddr>,
}

/// Options of `restart`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Restart {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub nodes: NodeOptions,
    /// Restart this many nodes at a time; each must be up and healthy before the next ones.
    ///
    /// DRAIN_COMMAND and UNDRAIN_COMMAND take each host out of the balancing and back. When one does not
    /// come up, the others are left as they are.
    #[arg(id = "DEPLOY_BATCH", long = "batch", value_name = "N", require_equals = true)]
    pub batch: Option<NonZeroUsize>,
}

/// Options of `migrate`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Migrate {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub nodes: NodeOptions,
    /// Up runs pending migrations (the default), down undoes them.
    // Typed as a word; an option for clap, since the word before it may be left out.
    #[arg(id = "direction", long, value_name = "up|down", require_equals = true, hide = true)]
    pub direction: Option<Direction>,
    /// The migration to go up or down to: its number [default: all of them, also with down].
    #[arg(id = "VERSION", long = "version", value_name = "MIGRATION", require_equals = true)]
    #[arg(value_parser = values::migration)]
    pub version: Option<u64>,
}

/// Options of `logs`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Logs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's description")]
    pub nodes: NodeOptions,
    /// Go on showing what is written, until ctrl-c.
    #[arg(id = "follow", short = 'f', long)]
    pub follow: bool,
    /// How many lines of each node's newest log to begin with.
    #[arg(id = "lines", long, value_name = "N", require_equals = true, default_value_t = 40)]
    pub lines: u32,
}

impl Node {
    /// The command word (`NODE_ACTION`).
    pub fn action(&self) -> &'static str {
        match self {
            Node::Start(_) => "start",
            Node::Stop(_) => "stop",
            Node::Restart(_) => "restart",
            Node::Ping(_) => "ping",
            Node::Version(_) => "version",
            Node::Migrate(_) => "migrate",
            Node::Migrations(_) => "migrations",
            Node::RemoteConsole(_) => "remote_console",
            Node::Logs(_) => "logs",
        }
    }

    /// The nodes that are meant.
    pub fn nodes(&self) -> &NodeOptions {
        match self {
            Node::Restart(restart) => &restart.nodes,
            Node::Migrate(migrate) => &migrate.nodes,
            Node::Logs(logs) => &logs.nodes,
            Node::Start(nodes)
            | Node::Stop(nodes)
            | Node::Ping(nodes)
            | Node::Version(nodes)
            | Node::Migrations(nodes)
            | Node::RemoteConsole(nodes) => nodes,
        }
    }
}
