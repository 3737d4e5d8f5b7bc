//! The settings room, held against real bash.

#[path = "../common/bash.rs"]
mod user_bash;

mod against_bash;
mod bash;
mod check_config;
mod errors;
mod generated;
mod generator;
mod precedence;
