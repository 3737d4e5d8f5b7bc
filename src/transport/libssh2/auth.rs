//! Logging in with the user's keys.

use crate::transport::ssh_config::SshConfig;

/// Logs in with the first key that the host accepts: the agent's, then those of the files.
///
/// # Errors
/// What was tried, for people.
pub(super) fn authenticate(session: &ssh2::Session, config: &SshConfig) -> Result<(), String> {
    let user = &config.user;
    let mut tried = Vec::new();
    // With IdentitiesOnly the agent's keys count only where a file names them, which OpenSSH sorts
    // out when the files themselves do not do.
    if !config.identities_only
        && let Err(error) = try_agent(session, config, &mut tried)
    {
        tried.push(format!("the agent ({})", error.message()));
    }
    for file in config.identity_files.iter().filter(|file| file.exists()) {
        if session.authenticated() {
            break;
        }
        if let Err(error) = session.userauth_pubkey_file(user, None, file.as_std_path(), None) {
            tried.push(format!("{file} ({})", error.message()));
        }
    }
    if session.authenticated() {
        return Ok(());
    }
    // Asked only now, as that takes a round trip.
    match session.auth_methods(user) {
        _ if session.authenticated() => return Ok(()),
        Ok(methods) if !methods.split(',').any(|method| method == "publickey") => {
            return Err(format!("for {user} it takes {methods} only"));
        }
        // The attempts themselves tell.
        _ => {}
    }
    let files: Vec<_> = config.identity_files.iter().map(|file| file.as_str()).collect();
    Err(match tried.is_empty() {
        true => format!("for {user} there is none; looked for {}", files.join(", ")),
        false => format!("for {user}, tried {}", tried.join(", ")),
    })
}

fn try_agent(
    session: &ssh2::Session,
    config: &SshConfig,
    tried: &mut Vec<String>,
) -> Result<(), ssh2::Error> {
    let Some(socket) = config.agent_socket() else { return Ok(()) };
    let mut agent = session.agent()?;
    agent.set_identity_path(socket.as_std_path())?;
    agent.connect()?;
    agent.list_identities()?;
    for key in agent.identities()? {
        match agent.userauth(&config.user, &key) {
            Ok(()) => break,
            Err(error) => tried.push(format!("the agent's key {} ({})", key.comment(), error.message())),
        }
    }
    Ok(())
}
