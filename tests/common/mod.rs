//! What several tests share.
// Each test program uses a part of it only.
#![allow(dead_code, unused_imports)]

pub mod bash;
pub mod proxy;
pub mod session;
pub mod sshd;
pub mod world;
