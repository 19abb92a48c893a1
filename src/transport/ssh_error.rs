//! What went wrong with a connection, read from ssh's own words in one place.

use super::known_hosts;

/// Why there is no connection to a host. What it displays is the problem and then, after a semicolon, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}{}", advice.as_ref().map_or_else(String::new, |advice| format!("; {advice}")))]
pub struct ConnectError {
    /// What is wrong, in one line that names the host.
    pub problem: String,
    /// What to do about it, if there is anything.
    pub advice: Option<String>,
}

impl ConnectError {
    fn new(problem: String, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { problem, advice }
    }

    /// Returns the error as it is shown beside the name of its host.
    pub fn beside(&self, host: &str) -> String {
        let detail = self
            .problem
            .strip_prefix(&format!("{host} cannot be reached: "));
        detail.map_or_else(|| self.to_string(), str::to_owned)
    }

    /// Returns an error of no known kind.
    pub fn other(host: &str, detail: &str) -> Self {
        let problem = format!("no connection to {host}: {detail}");
        let advice = None;
        Self { problem, advice }
    }
}

/// What the words of ssh are judged by.
pub(super) struct Context<'a> {
    /// The host.
    pub host: &'a str,
    /// The user.
    pub user: &'a str,
    /// The port, if one is set.
    pub port: Option<u16>,
    /// The jump host or proxy command, if any.
    pub proxy: Option<&'a str>,
    /// Whether the keys that are accepted are those of a plan.
    pub is_pinned: bool,
}

/// Reads the log of a control master that failed, and that of its jump host's ssh.
pub(super) fn classify(context: &Context<'_>, log: &str, proxy_log: &str) -> ConnectError {
    if let Some(proxy) = context.proxy {
        let word = |text: &str| log.contains(text);
        let is_the_proxys = !proxy_log.trim().is_empty()
            || word("UNKNOWN port")
            || word("kex_exchange_identification")
            || word("banner exchange");
        if is_the_proxys {
            let detail = match last_line(proxy_log) {
                "" => last_line(log),
                line => line,
            };
            return ConnectError::new(
                format!(
                    "{} cannot be reached through {proxy}: {detail}",
                    context.host
                ),
                "check `ssh.proxy` or `ssh.proxy_command`",
            );
        }
    }
    direct(context, log)
}

fn direct(context: &Context<'_>, log: &str) -> ConnectError {
    const UNREACHABLE: [&str; 9] = [
        "Could not resolve hostname",
        "Connection refused",
        "timed out",
        "No route to host",
        "Network is unreachable",
        "Connection reset",
        "Connection closed by",
        "banner exchange",
        "kex_exchange_identification",
    ];
    const AUTHENTICATION: [&str; 3] = [
        "Permission denied",
        "Too many authentication failures",
        "No more authentication methods",
    ];
    let Context { host, user, .. } = context;
    let has = |text: &&str| log.contains(*text);
    let line = |words: &[&str]| {
        log.lines()
            .rev()
            .find(|line| words.iter().any(|word| line.contains(word)))
            .unwrap_or_default()
            .trim()
            .trim_end_matches('.')
            .trim_start_matches("ssh: ")
    };
    let is_changed = log.contains("REMOTE HOST IDENTIFICATION HAS CHANGED");
    let is_unknown = log.contains("host key is known for");
    if is_changed || (is_unknown && context.is_pinned) {
        return key_changed(context, log);
    }
    if is_unknown || log.contains("Host key verification failed") {
        let port = context
            .port
            .map_or_else(String::new, |port| format!("-p {port} "));
        return ConnectError::new(
            format!("the host key of {host} is not known"),
            format!(
                "connect once with `ssh {port}{user}@{host}` and compare it, or pass --accept-new-host-keys"
            ),
        );
    }
    if AUTHENTICATION.iter().any(has) {
        return ConnectError::new(
            format!(
                "{host} refuses the login of {user}: {}",
                line(&AUTHENTICATION)
            ),
            format!("check `ssh.user`, and that ssh-agent or ~/.ssh has a key for {user}"),
        );
    }
    if UNREACHABLE.iter().any(has) {
        return ConnectError::new(
            format!("{host} cannot be reached: {}", line(&UNREACHABLE)),
            "check its name and port, that it is up, and that its sshd runs",
        );
    }
    match last_line(log) {
        "" => ConnectError::other(host, "ssh ended without a message"),
        line => ConnectError::other(host, line),
    }
}

/// Finds the place of the expected key: ssh names the file and its line.
fn key_changed(context: &Context<'_>, log: &str) -> ConnectError {
    let host = context.host;
    let changed = |expected: &str, advice: &str| {
        ConnectError::new(
            format!(
                "the host key of {host} has changed, {expected} another one: the host was reinstalled, or the connection is intercepted"
            ),
            advice,
        )
    };
    if context.is_pinned {
        return changed("the plan names", "if its new key is right, plan again");
    }
    let offending = log.lines().find_map(|line| {
        let (_, place) = line
            .trim()
            .strip_prefix("Offending ")?
            .split_once(" key in ")?;
        place.rsplit_once(':')
    });
    let name = known_hosts::name(host, context.port);
    let (expected, remove) = match offending {
        Some((file, line)) => (
            format!("line {line} of {file} has"),
            format!("ssh-keygen -f {file} -R '{name}'"),
        ),
        None => (
            "known_hosts has".to_owned(),
            format!("ssh-keygen -R '{name}'"),
        ),
    };
    let advice = format!(
        "find out which; if its new key is right, remove the old one with `{remove}`, and connect once with ssh to accept the new one"
    );
    changed(&expected, &advice)
}

/// Whether ssh says that sshd dropped the connection before it began, as one with too many of them does.
pub(super) fn is_worth_another_try(log: &str, proxy_log: &str) -> bool {
    [
        "kex_exchange_identification",
        "Connection reset by",
        "Connection closed by UNKNOWN",
    ]
    .iter()
    .any(|word| log.contains(word) || proxy_log.contains(word))
        && !proxy_log.contains("Permission denied")
        && !proxy_log.contains("Host key verification failed")
        && !proxy_log.contains("open failed")
        && !proxy_log.contains("connect to host")
        && !proxy_log.contains("Could not resolve")
}

/// Returns the words of an error and its causes. Those of ssh's log are in the last.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += "\n";
        text += &error.to_string();
        source = error.source();
    }
    text
}

fn last_line(log: &str) -> &str {
    log.lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.contains("terminating, "))
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "ssh_error_tests.rs"]
mod tests;
