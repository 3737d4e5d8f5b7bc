//! What several tests share.
// Each test program uses a part of it only.
#![allow(dead_code, unused_imports)]

pub mod bash;
pub mod docker;
pub mod proxy;
pub mod registry;
pub mod s3;
pub mod session;
pub mod sshd;
pub mod world;

/// What a shell script that stands in for mix makes: a release of `$app`, of the version that
/// `lib/version` has.
pub const MIX_RELEASE: &str = include_str!("../stand_in/mix-release.sh");
