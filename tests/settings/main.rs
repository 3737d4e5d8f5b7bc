//! The settings room, held against real bash.

mod against_bash;
mod bash;
mod check_config;
mod errors;
mod generated;
mod generator;
mod precedence;
