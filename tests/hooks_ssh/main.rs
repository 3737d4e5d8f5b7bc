//! The functions of a config, from the real binary to real hosts: every place where the original
//! called one, what they see there, what reaches the hosts, and what comes of how they end.

#[path = "../common/mod.rs"]
mod common;

mod build;
mod check;
mod deploy;
mod endings;
mod help;
mod nodes;
mod points;
mod project;
mod remote;
mod replica;
mod secrets;
mod steps;
mod strategies;
mod upgrade;
mod without_bash;
