//! How a host is reached, as data.

use crate::secret::Secret;

/// How a host is reached.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name or address.
    pub host: String,
    /// The user.
    pub user: String,
    /// The port; absent: as ssh's configuration has it.
    pub port: Option<u16>,
    /// A jump host, `[user@]host[:port]`; several with commas.
    pub proxy: Option<String>,
    /// A command whose standard input and output are the connection. It comes before `proxy`.
    pub proxy_command: Option<String>,
    /// The keys that it is offered.
    pub identity: Identity,
    /// The keys that it may show, each as `ssh-ed25519 AAAA…`. Empty: the user's known_hosts files decide.
    pub host_keys: Vec<String>,
}

/// What ssh shows of the user.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// Files of keys that ssh offers, beside those of its own configuration.
    pub keys: Vec<String>,
    /// The texts of further keys.
    pub key_data: Vec<Secret>,
    /// Whether it offers no other key.
    pub keys_only: bool,
    /// Whether it reads no configuration of the user and the machine, unless one was named on the command line.
    pub no_config: bool,
}

/// What is done with a host key that is not known. A known or pinned one that differs is always refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownHosts {
    /// It is refused.
    Strict,
    /// It is accepted and written to the user's known_hosts.
    AcceptNew,
}
