//! A host as it is written: `[user@]host[:port]`, with `[v6]:port` for an IPv6 address with a port.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::port;

/// What a host matches in the schema.
pub(crate) const PATTERN: &str = "^(?!-)(?!.*://)[^\\s]+$";

/// What the name of a user matches in the schema.
pub(crate) const USER_PATTERN: &str = "^[^-\\s'\"`$;&<>|(){}\\\\][^\\s'\"`$;&<>|(){}\\\\]*$";

/// Returns the schema of a host.
pub(crate) fn schema() -> Value {
    json!({ "type": "string", "pattern": PATTERN, "description": "`host`, `user@host`, `host:port` or `user@host:port`." })
}

/// A host as it is written, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSpec {
    /// The user, where one is given.
    pub user: Option<String>,
    /// The name or address, without brackets.
    pub name: String,
    /// The port, where one is given.
    pub port: Option<u16>,
}

impl HostSpec {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains("://") {
            return Err("a scheme such as `ssh://` is not allowed");
        }
        let split = text.rsplit_once('@');
        let (user, rest) = split.map_or((None, text), |(user, rest)| (Some(user), rest));
        if user.is_some_and(|user| !is_user(user)) {
            return Err("not a valid user name");
        }
        let (name, port) = split_port(rest)?;
        check_name(name)?;
        let port = port.map(|port| port::parse(port).ok_or("not a valid port"));
        Ok(Self {
            user: user.map(str::to_owned),
            name: name.to_owned(),
            port: port.transpose()?,
        })
    }

    /// Returns what two spellings of the same host have in common.
    pub fn identity(&self) -> String {
        match self.name.parse::<Ipv6Addr>() {
            Ok(address) => address.to_string(),
            Err(_) => self.name.trim_end_matches('.').to_lowercase(),
        }
    }
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (name, after) = rest.split_once(']').ok_or("`[` without `]`")?;
        if !name.contains(':') {
            return Err("brackets are for IPv6 addresses only");
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((name, Some(port))),
            None if after.is_empty() => Ok((name, None)),
            None => Err("unexpected text after `]`"),
        };
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Ok((text, None)),
        Some((name, port)) => Ok((name, Some(port))),
        None => Ok((text, None)),
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("missing host name");
    }
    if name.contains(':') {
        let (address, zone) = name.split_once('%').unwrap_or((name, "0"));
        return match address.parse::<Ipv6Addr>() {
            Ok(_) if is_word(zone) => Ok(()),
            _ => Err("not a valid IPv6 address"),
        };
    }
    let mut bytes = name.bytes();
    let numeric = bytes.all(|byte| byte.is_ascii_digit() || byte == b'.');
    if numeric && name.parse::<Ipv4Addr>().is_err() {
        return Err("not a valid IPv4 address");
    }
    if name.len() > 253 || !is_word(name) {
        return Err("not a valid host name");
    }
    Ok(())
}

/// Letters, digits, `.`, `_` and `-`; never begins with a dash, so that ssh does not take it for an option.
fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && !text.starts_with(['-', '.']) && text.bytes().all(allowed)
}

/// Whether ssh can be given this user name: without blanks, control characters and a leading dash.
pub fn is_user(text: &str) -> bool {
    let refused = |c: char| c.is_whitespace() || c.is_control() || "'\"`$;&<>|(){}\\".contains(c);
    !text.is_empty() && !text.starts_with('-') && !text.contains(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(user: Option<&str>, name: &str, port: Option<u16>) -> HostSpec {
        HostSpec {
            user: user.map(str::to_owned),
            name: name.to_owned(),
            port,
        }
    }

    #[test]
    fn takes_hosts_apart() {
        let cases = [
            ("192.168.0.1", spec(None, "192.168.0.1", None)),
            ("app-1.example.com", spec(None, "app-1.example.com", None)),
            ("deploy@app1", spec(Some("deploy"), "app1", None)),
            ("app1:2222", spec(None, "app1", Some(2222))),
            ("deploy@app1:2222", spec(Some("deploy"), "app1", Some(2222))),
            (
                "a@corp.example@app1",
                spec(Some("a@corp.example"), "app1", None),
            ),
            ("2001:db8::1", spec(None, "2001:db8::1", None)),
            ("[2001:db8::1]", spec(None, "2001:db8::1", None)),
            ("[2001:db8::1]:22", spec(None, "2001:db8::1", Some(22))),
            ("root@[::1]:22", spec(Some("root"), "::1", Some(22))),
            ("fe80::1%eth0", spec(None, "fe80::1%eth0", None)),
        ];
        for (text, expected) in cases {
            assert_eq!(HostSpec::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_host() {
        for text in [
            "",
            "@app1",
            "app1:",
            "app1:0",
            "app1:65536",
            "app1:ssh",
            "-oProxyCommand=x",
            "a b",
            "ssh://app1",
            "[::1",
            "[app1]:22",
            "[::1]22",
            "192.168.0.300",
            "1.2.3",
            "2001:db8::zz",
            "$(x)",
            "app1/24",
            "a;b@app1",
            "-l@app1",
        ] {
            assert!(HostSpec::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spellings_of_one_host_have_one_identity() {
        for (left, right) in [
            ("App1", "app1"),
            ("app1.", "app1"),
            ("2001:DB8:0::1", "[2001:db8::1]:22"),
            ("root@app1", "app1:22"),
        ] {
            let left = HostSpec::parse(left).unwrap().identity();
            assert_eq!(left, HostSpec::parse(right).unwrap().identity());
        }
    }
}
