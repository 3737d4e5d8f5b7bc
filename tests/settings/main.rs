//! The settings room, held against real bash.

mod against_bash;
mod bash;
mod generated;
