//! What all stores that are reached over HTTP have in common.

use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use crate::exit::Signal;
use crate::transport::Interrupt;

/// How often a request is tried: with the pauses between, for about 6 s.
pub(super) const TRIES: u32 = 7;
/// The first pause; each one is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection may be silent while a body is under way.
const SILENCE: Duration = Duration::from_secs(20);
/// How long the server may think: putting many parts together takes its time.
const ANSWER: Duration = Duration::from_secs(120);

/// What makes requests. It follows so many redirects, and takes a refusal for an answer.
pub(super) fn agent(redirects: u32) -> Agent {
    // The system's certificates, so that a company's own authority counts, too.
    let tls =
        TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier).build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(redirects)
        .max_redirects_will_error(false)
        .user_agent(concat!("edeliver/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT))
        .timeout_per_read(Some(SILENCE))
        .timeout_per_write(Some(SILENCE))
        .timeout_recv_response(Some(ANSWER))
        .build()
        .new_agent()
}

/// Waits before the next try.
///
/// # Errors
/// When the user asks to stop.
pub(super) fn pause(tries: u32, interrupt: &Interrupt) -> Result<(), Signal> {
    let end = Instant::now() + PAUSE * 2_u32.saturating_pow(tries - 1);
    loop {
        if let Some(signal) = interrupt.received() {
            return Err(signal);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

/// Whether another try may help: the server is busy, or not well.
pub(super) fn may_pass(error: &ureq::Error) -> bool {
    use ureq::Error;
    // What is wrong with an address or a certificate does not pass.
    !matches!(
        error,
        Error::BadUri(_) | Error::Http(_) | Error::NativeTls(_) | Error::Tls(_) | Error::InvalidProxyUrl
    )
}
