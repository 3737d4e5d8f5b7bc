//! edeliver: builds Erlang and Elixir releases and deploys them over ssh, all hosts or none.
//!
//! `docs/architecture.md` shows the rooms and the way of one deploy through them.
#![forbid(unsafe_code)]

pub mod build;
pub mod cli;
pub mod commands;
pub mod deploy;
pub mod exit;
pub mod git;
pub mod host;
pub mod node;
pub mod release;
pub mod report;
pub mod settings;
pub mod shell;
pub mod store;
pub mod transport;
