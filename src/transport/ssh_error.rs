//! What went wrong with a connection, read from ssh's own words in one place.

use thiserror::Error;

/// Why there is no connection to a host. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// Nothing answers there.
    #[error("{host} cannot be reached: {detail}; check its name, port, and that its sshd runs")]
    Unreachable {
        /// The host.
        host: String,
        /// ssh's words.
        detail: String,
    },
    /// The host does not let us in.
    #[error(
        "{host} refuses the login of {user}: {detail}; check the user, and that its key is in the agent or in ssh's configuration"
    )]
    Authentication {
        /// The host.
        host: String,
        /// The user.
        user: String,
        /// ssh's words.
        detail: String,
    },
    /// The host's key is not known.
    #[error("the host key of {host} is not known; {accept}")]
    HostKeyUnknown {
        /// The host.
        host: String,
        /// How to accept it.
        accept: String,
    },
    /// The host shows another key than the one that is known, or that the plan names.
    #[error(
        "{host} shows another host key than {expected}: it may have been installed anew, or somebody is in between; {advice}"
    )]
    HostKeyChanged {
        /// The host.
        host: String,
        /// Where the key that was expected stands.
        expected: String,
        /// What to do.
        advice: String,
    },
    /// The jump host or proxy command fails.
    #[error(
        "{host} cannot be reached through {proxy}: {detail}; check `ssh.proxy` or `ssh.proxy_command`"
    )]
    JumpHost {
        /// The host.
        host: String,
        /// The jump host or command.
        proxy: String,
        /// ssh's words.
        detail: String,
    },
    /// Anything else, in ssh's words.
    #[error("no connection to {host}: {detail}")]
    Other {
        /// The host.
        host: String,
        /// ssh's words.
        detail: String,
    },
}

/// What the words of ssh are judged by.
pub(super) struct Context<'a> {
    /// The host.
    pub host: &'a str,
    /// The user.
    pub user: &'a str,
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
            return ConnectError::JumpHost {
                host: context.host.to_owned(),
                proxy: proxy.to_owned(),
                detail: detail.to_owned(),
            };
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
    let host = context.host.to_owned();
    let has = |text: &&str| log.contains(*text);
    let line = |words: &[&str]| {
        log.lines()
            .rev()
            .find(|line| words.iter().any(|word| line.contains(word)))
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let is_changed = log.contains("REMOTE HOST IDENTIFICATION HAS CHANGED");
    let is_unknown = log.contains("host key is known for");
    if is_changed || (is_unknown && context.is_pinned) {
        let (expected, advice) = if context.is_pinned {
            ("the plan names", "if its new key is right, plan again")
        } else {
            (
                "known_hosts has",
                "if its new key is right, remove the old one with `ssh-keygen -R`",
            )
        };
        return ConnectError::HostKeyChanged {
            host,
            expected: expected.to_owned(),
            advice: advice.to_owned(),
        };
    }
    if is_unknown || log.contains("Host key verification failed") {
        let accept = format!(
            "connect once with `ssh {}@{host}` and compare it, or pass --accept-new-host-keys",
            context.user
        );
        return ConnectError::HostKeyUnknown { host, accept };
    }
    if AUTHENTICATION.iter().any(has) {
        return ConnectError::Authentication {
            host,
            user: context.user.to_owned(),
            detail: line(&AUTHENTICATION),
        };
    }
    if UNREACHABLE.iter().any(has) {
        return ConnectError::Unreachable {
            host,
            detail: line(&UNREACHABLE),
        };
    }
    ConnectError::Other {
        host,
        detail: match last_line(log) {
            "" => "ssh ended without a word".to_owned(),
            line => line.to_owned(),
        },
    }
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
