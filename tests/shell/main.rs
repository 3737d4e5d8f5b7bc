//! The user's own bash: what a config's functions see, set, print and ask for, and how they end.
//! Everything here runs through the real bash of this machine.

#[path = "../common/bash.rs"]
mod user_bash;

mod config;
mod conversation;
mod endings;
mod requests;
mod world;
