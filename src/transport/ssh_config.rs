//! The configuration file (`ssh -F`) of one connection: what mrsk demands first, then what the user has.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::known_hosts::PINNED_NAME;
use super::quote::quote;
use super::target::{KnownHosts, Target};

/// Seconds that a connection may take.
const CONNECT_SECONDS: u32 = 10;
/// The same through a jump host: longer, so that the ssh to the jump host reports first.
const PROXY_CONNECT_SECONDS: u32 = 20;
/// Seconds of silence after which ssh asks a host whether it is alive.
const ALIVE_SECONDS: u32 = 5;
/// Unanswered questions after which a connection counts as lost.
const ALIVE_QUESTIONS: u32 = 3;

/// What a configuration file is made from.
pub struct Config<'a> {
    /// The host.
    pub target: &'a Target,
    /// What is done with keys that are not known.
    pub known_hosts: KnownHosts,
    /// Where this file will be: the ssh that goes to the jump host reads it too.
    pub path: &'a Path,
    /// The file with the plan's keys, if the plan has any.
    pub pins: Option<&'a Path>,
    /// Files of keys that are there while the connection is made.
    pub key_files: &'a [PathBuf],
    /// Where the ssh that goes to the jump host writes its words.
    pub proxy_log: &'a Path,
    /// The user's files.
    pub includes: &'a [PathBuf],
}

/// Returns the text of the file, or what in the target ssh's configuration cannot hold.
pub fn render(config: &Config<'_>) -> Result<String, String> {
    let target = config.target;
    let name = plain(&target.host)?;
    let mut text = format!("Host {name}\n");
    if let Some(command) = proxy_command(config)? {
        let _ = writeln!(
            text,
            "  ProxyCommand {command}\n  ConnectTimeout {PROXY_CONNECT_SECONDS}"
        );
    }
    if let Some(pins) = config.pins {
        let _ = writeln!(
            text,
            "  HostKeyAlias {PINNED_NAME}\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  \
             IgnoreUnknown KnownHostsCommand\n  KnownHostsCommand none\n  VerifyHostKeyDNS no",
            path(pins)?
        );
    }
    let strict = match (config.known_hosts, config.pins) {
        (KnownHosts::AcceptNew, None) => "accept-new",
        _ => "yes",
    };
    let _ = writeln!(
        text,
        "Host *\n  BatchMode yes\n  LogLevel INFO\n  ConnectTimeout {CONNECT_SECONDS}\n  \
         ServerAliveInterval {ALIVE_SECONDS}\n  ServerAliveCountMax {ALIVE_QUESTIONS}\n  \
         StrictHostKeyChecking {strict}\n  CheckHostIP no\n  UpdateHostKeys no\n  ClearAllForwardings yes\n  ForwardAgent no\n  ForwardX11 no\n  \
         PermitLocalCommand no\n  RequestTTY no"
    );
    for key in config.key_files {
        let _ = writeln!(text, "  IdentityFile {}", path(key)?);
    }
    for key in &target.identity.keys {
        if key.contains('$') {
            return Err(format!("ssh's configuration cannot name {key}"));
        }
        let _ = writeln!(text, "  IdentityFile {}", path(Path::new(key))?);
    }
    if target.identity.keys_only {
        text.push_str("  IdentitiesOnly yes\n");
    }
    for file in config.includes {
        let _ = writeln!(text, "Host *\n  Include {}", path(file)?);
    }
    Ok(text)
}

/// Returns the command that makes the connection, if it is not a plain one. ssh's own `ProxyJump` would
/// keep the words of the ssh to the jump host from us.
fn proxy_command(config: &Config<'_>) -> Result<Option<String>, String> {
    let target = config.target;
    if let Some(command) = &target.proxy_command {
        return match command.contains(['\n', '\r', '\0']) {
            true => Err("the proxy command has several lines".to_owned()),
            false => Ok(Some(command.clone())),
        };
    }
    let Some(proxy) = &target.proxy else {
        return Ok(None);
    };
    let (first, last) = match proxy.rsplit_once(',') {
        Some((first, last)) => (Some(first), last),
        None => (None, proxy.as_str()),
    };
    // The ssh to the jump host reads the same file: its section for the target would make it call itself forever.
    for hop in proxy.split(',') {
        plain(hop)?;
        if plain(host_of(hop))? == target.host {
            return Err(format!("{} cannot be its own jump host", target.host));
        }
    }
    let escaped = |text: &str| quote(&text.replace('%', "%%")).map_err(|error| error.to_string());
    let word = |text: &str| escaped(plain(text)?);
    let file = |path: &Path| escaped(path.to_str().ok_or("a path is not UTF-8")?);
    let mut command = format!(
        "ssh -F {} -E {} -W '[%h]:%p'",
        file(config.path)?,
        file(config.proxy_log)?
    );
    if let Some(first) = first {
        let _ = write!(command, " -J {}", word(first)?);
    }
    let last = match last.contains("://") {
        true => last.to_owned(),
        false => format!("ssh://{last}"),
    };
    let _ = write!(command, " {}", word(&last)?);
    Ok(Some(command))
}

/// Returns the host of `[ssh://][user@]host[:port]`.
fn host_of(hop: &str) -> &str {
    let hop = hop.strip_prefix("ssh://").unwrap_or(hop);
    let hop = hop.rsplit_once('@').map_or(hop, |(_, host)| host);
    match hop.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => hop.split(':').next().unwrap_or(hop),
    }
}

/// Returns `text` if it means itself in the configuration and is not an option.
pub fn plain(text: &str) -> Result<&str, String> {
    let is_plain = !text.is_empty()
        && !text.starts_with('-')
        && !text.contains(|c: char| {
            c.is_whitespace() || c.is_control() || "\"'\\*?!#$`;&|<>".contains(c)
        });
    match is_plain {
        true => Ok(text),
        false => Err(format!("{text:?} is not a name that ssh can be given")),
    }
}

fn path(path: &Path) -> Result<String, String> {
    match path.to_str() {
        Some(text) if !text.contains(['"', '\n', '%']) => Ok(format!("\"{text}\"")),
        _ => Err(format!(
            "ssh's configuration cannot name {}",
            path.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::Identity;
    use super::*;

    fn text(target: &Target, pins: Option<&Path>) -> Result<String, String> {
        render(&Config {
            target,
            known_hosts: KnownHosts::AcceptNew,
            path: Path::new("/t/config"),
            pins,
            proxy_log: Path::new("/t/proxy.log"),
            key_files: &[PathBuf::from("/t/key0")],
            includes: &[PathBuf::from("/home/me/.ssh/config")],
        })
    }

    fn target(host: &str, proxy: Option<&str>) -> Target {
        Target {
            host: host.into(),
            user: "root".into(),
            port: None,
            proxy: proxy.map(str::to_owned),
            proxy_command: None,
            identity: Identity::default(),
            host_keys: Vec::new(),
        }
    }

    #[test]
    fn ours_comes_first() {
        let text = text(&target("app1", None), None).unwrap();
        assert!(text.contains("StrictHostKeyChecking accept-new"));
        assert!(text.find("BatchMode").unwrap() < text.find("Include").unwrap());
        assert!(!text.contains("HostKeyAlias"));
    }

    #[test]
    fn keys_come_before_those_of_the_user() {
        let mut target = target("app1", None);
        target.identity = Identity {
            keys: vec!["~/.ssh/deploy key".to_owned(), "/k".to_owned()],
            key_data: Vec::new(),
            keys_only: true,
            no_config: false,
        };
        let config = text(&target, None).unwrap();
        let keys = "  IdentityFile \"/t/key0\"\n  IdentityFile \"~/.ssh/deploy key\"\n  IdentityFile \"/k\"\n  IdentitiesOnly yes\n";
        assert!(config.find(keys).unwrap() < config.find("Include").unwrap());
        for key in ["a\"b", "a\nProxyCommand x", "a%h", "a${HOME}"] {
            target.identity.keys = vec![key.to_owned()];
            assert!(text(&target, None).is_err(), "{key}");
        }
    }

    #[test]
    fn pins_are_strict() {
        let text = text(&target("app1", None), Some(Path::new("/t/pins"))).unwrap();
        assert!(text.contains("StrictHostKeyChecking yes"));
        assert!(text.contains("UserKnownHostsFile \"/t/pins\""));
        assert!(text.contains("GlobalKnownHostsFile /dev/null"));
    }

    #[test]
    fn a_jump_host_is_reached_by_an_ssh_of_our_own() {
        let text = text(&target("app1", Some("a,ops@jump:2222")), None).unwrap();
        assert!(text.contains(
            "ProxyCommand ssh -F '/t/config' -E '/t/proxy.log' -W '[%h]:%p' -J 'a' 'ssh://ops@jump:2222'"
        ));
    }

    #[test]
    fn nobody_is_its_own_jump_host() {
        for proxy in ["app1", "a,ops@app1:2222", "ssh://ops@app1"] {
            assert!(text(&target("app1", Some(proxy)), None).is_err(), "{proxy}");
        }
        assert!(text(&target("fd00::1", Some("ops@[fd00::1]:22")), None).is_err());
    }

    #[test]
    fn names_that_are_options_or_patterns_are_refused() {
        for name in ["-oProxyCommand=x", "a b", "*", "", "a\nb", "a`b`"] {
            assert!(text(&target(name, None), None).is_err(), "{name}");
            assert!(text(&target("app1", Some(name)), None).is_err(), "{name}");
        }
    }
}
