//! To be built.
pub mod typed;
pub use typed::*;
