//! Host keys: those that a plan pins, and those that the user's known_hosts files have.

use std::path::PathBuf;

use super::local::{self, LocalCommand};

/// The name under which the pinned keys of the one target of a connection stand in its own known_hosts file. It
/// spares us the forms that a name takes there: with a port, hashed, or as ssh's configuration has it.
pub const PINNED_NAME: &str = "mrsk-pinned";

/// Returns a known_hosts file of these keys, each in the form `ssh-ed25519 AAAA…`.
pub fn pins(keys: &[String]) -> String {
    keys.iter()
        .filter_map(|key| key_of(key))
        .map(|key| format!("{PINNED_NAME} {key}\n"))
        .collect()
}

/// Returns type and key of a line without its host names and comment; `None` if it is not of that form.
fn key_of(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let (kind, key) = (words.next()?, words.next()?);
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    (is_word(kind) && is_word(key) && !kind.starts_with(['#', '@', '|']))
        .then(|| format!("{kind} {key}"))
}

/// Where ssh looks for the keys of a host, as `ssh -G` tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// The name of the host in the files.
    pub name: String,
    /// The files.
    pub files: Vec<PathBuf>,
}

/// Reads what `ssh -G` prints. `home` stands for a leading `~`.
pub fn lookup(text: &str, home: &str) -> Lookup {
    let (mut host, mut port, mut alias) = (String::new(), "22", None);
    let mut files = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(' ') else {
            continue;
        };
        match key {
            "hostname" => host = value.to_ascii_lowercase(),
            "port" => port = value,
            "hostkeyalias" => alias = Some(value.to_owned()),
            "userknownhostsfile" | "globalknownhostsfile" => {
                let path = |file: &str| match file.strip_prefix("~/") {
                    Some(rest) => PathBuf::from(home).join(rest),
                    None => PathBuf::from(file),
                };
                files.extend(value.split_whitespace().map(path));
            }
            _ => {}
        }
    }
    let name = alias.unwrap_or_else(|| name(&host, port.parse().ok()));
    Lookup { name, files }
}

/// Returns the form that a host's name takes in known_hosts files. Without a port it is sshd's own.
pub fn name(host: &str, port: Option<u16>) -> String {
    match port {
        None | Some(22) => host.to_owned(),
        Some(port) => format!("[{host}]:{port}"),
    }
}

/// Reads the keys in what `ssh-keygen -F` prints: lines of a known_hosts file under comments. Revoked keys and
/// those of certificate authorities are none of the host's.
pub fn found(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.starts_with(['#', '@']))
        .filter_map(|line| key_of(line.split_once(' ')?.1))
        .collect()
}

/// Returns the keys that stand in the files of `lookup`, sorted.
pub async fn find(lookup: &Lookup) -> Vec<String> {
    let mut keys = Vec::new();
    for file in lookup.files.iter().filter(|file| file.is_file()) {
        let Some(file) = file.to_str() else { continue };
        let command = LocalCommand {
            argv: ["ssh-keygen", "-F", &lookup.name, "-f", file]
                .map(str::to_owned)
                .to_vec(),
            ..LocalCommand::default()
        };
        if let Ok(outcome) = local::run(&command, |_| {}).await {
            keys.extend(found(&outcome.stdout));
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_hold_nothing_but_keys() {
        let keys = [
            "ssh-ed25519 AAAA me@x",
            "one",
            "@revoked x",
            "ssh-rsa BB\nssh-dss CC",
        ];
        assert_eq!(
            pins(&keys.map(str::to_owned)),
            "mrsk-pinned ssh-ed25519 AAAA\nmrsk-pinned ssh-rsa BB\n"
        );
    }

    #[test]
    fn names_take_the_form_that_ssh_gives_them() {
        let files = "userknownhostsfile ~/.ssh/known_hosts /b\nglobalknownhostsfile /etc/c";
        let expected: Vec<PathBuf> = ["/h/.ssh/known_hosts", "/b", "/etc/c"]
            .map(PathBuf::from)
            .into();
        for (text, name) in [
            ("hostname App1\nport 22", "app1"),
            ("hostname app1\nport 2222", "[app1]:2222"),
            ("hostname app1\nport 2222\nhostkeyalias x", "x"),
        ] {
            let lookup = lookup(&format!("{text}\n{files}\n"), "/h");
            assert_eq!(lookup.name, name);
            assert_eq!(lookup.files, expected);
        }
    }

    #[test]
    fn found_keys() {
        let text = "# Host app1 found: line 3\napp1 ssh-ed25519 AAAA\n|1|x=|y= ssh-rsa BBBB c\n@revoked app1 ssh-rsa CC\n";
        assert_eq!(found(text), ["ssh-ed25519 AAAA", "ssh-rsa BBBB"]);
    }
}
