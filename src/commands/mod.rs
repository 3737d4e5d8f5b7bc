//! One file per command; its `run` reads like the recipe in PARITY.md section 4.

pub mod build_release;
