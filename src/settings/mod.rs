//! Settings: `.deliver/config`, the environment and the command line as one validated value.

pub mod shellfile;
pub mod typed;

pub use typed::*;
