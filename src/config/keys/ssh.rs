//! `ssh`: how hosts are reached.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field, Record, choice, shown};
use crate::config::model::Ssh;
use crate::config::schema::{self, Property, filled, matching, record, with_default};
use crate::config::values::host::{self, HostSpec};
use crate::config::values::{boolean, port, variable};
use crate::diagnostic::Diagnostic;

pub(super) const KEY: Property = ("ssh", schema);

const DEFAULT_USER: &str = "root";

/// A path that ssh's configuration can name, and in which ssh replaces nothing but a leading `~`.
const KEY_PATTERN: &str = "^[^-\\s%$\"'\\\\][^%$\"'\\\\\\n]*$";

const LOG_LEVELS: [&str; 5] = ["debug", "info", "warn", "error", "fatal"];

const KEYS: [Property; 9] = [
    ("user", || {
        let user = matching("User of the hosts that name none.", host::USER_PATTERN);
        with_default(user, DEFAULT_USER)
    }),
    ("port", || {
        port::schema(
            "Port of the hosts that name none; without it the one of ssh's own configuration, else 22.",
        )
    }),
    ("proxy", || {
        matching(
            "Jump host, as `host`, `user@host` or `user@host:port`; the user is root by default.",
            host::PATTERN,
        )
    }),
    ("proxy_command", || {
        filled("Command that connects to the host `%h`, port `%p`.")
    }),
    ("keys", || {
        let file = matching("Path of a private key.", KEY_PATTERN);
        schema::list("Files of private keys that ssh offers.", &file)
    }),
    ("key_data", || {
        let mut name = variable::exported_schema();
        name["pattern"] = json!("^[A-Za-z_][A-Za-z0-9_]*$");
        let name = schema::described("Name of a secret that is a private key in PEM form.", name);
        schema::list("Secrets with private keys that ssh offers.", &name)
    }),
    ("keys_only", || {
        let only =
            boolean::schema("Whether ssh offers the keys of `keys` alone, and none of the agent.");
        with_default(only, false)
    }),
    ("config", || {
        let config = boolean::schema("Whether ssh reads ~/.ssh/config and /etc/ssh/ssh_config.");
        with_default(config, true)
    }),
    (
        "log_level",
        || json!({ "enum": LOG_LEVELS, "description": "No effect: what ssh says is shown if a connection fails." }),
    ),
];

fn schema() -> Value {
    record("How hosts are reached.", &KEYS)
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Ssh {
    let ssh = root.section(decoder, KEY.0, &KEYS);
    if let (Some(_), Some(command)) = (ssh.get("proxy"), ssh.get("proxy_command")) {
        let message = "`ssh.proxy_command` conflicts with `ssh.proxy`";
        decoder.error(command.key, message, "keep one of them");
    }
    Ssh {
        user: ssh.read_or(decoder, "user", user, DEFAULT_USER),
        port: ssh.read(decoder, "port", port::decode),
        proxy: ssh.read(decoder, "proxy", proxy),
        proxy_command: ssh.read(decoder, "proxy_command", Decoder::filled),
        keys: keys(decoder, &ssh),
        key_data: ssh.collect(decoder, "key_data", key_data),
        keys_only: ssh.read_or(decoder, "keys_only", boolean::decode, false),
        no_config: !ssh.read_or(decoder, "config", config, true),
    }
}

/// Reads the files of keys, and reports that none is named where no other may be offered.
fn keys(decoder: &mut Decoder<'_>, ssh: &Record<'_>) -> Vec<String> {
    check_log_level(decoder, ssh);
    let items = ssh.collect(decoder, "keys", Decoder::items);
    let keys: Vec<String> = items.iter().filter_map(|item| key(decoder, item)).collect();
    let only = ssh
        .get("keys_only")
        .filter(|only| only.plain() == Some("true"));
    let has_none = items.is_empty() && ssh.get("key_data").is_none();
    if let Some(only) = only.filter(|_| has_none) {
        let message = "`ssh.keys_only` requires `ssh.keys`";
        decoder.error(
            only.key,
            message,
            "name the files of the keys with `keys: [PATH]`",
        );
    }
    keys
}

fn key(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let path = decoder.filled(field)?;
    if path.contains("PRIVATE KEY") {
        let message = format!("`{}` is a key, not the path of one", field.path);
        let error = Diagnostic::error(message).at(decoder.place(field.node.mark));
        let help = "write it to a file with mode 0600, and name the file";
        decoder.diagnostics.push(error.help(help).hide_source());
        return None;
    }
    let special = |c: char| c.is_control() || "%$\"'\\".contains(c);
    if path.starts_with('-') || path.starts_with(char::is_whitespace) || path.contains(special) {
        let help = "use a path such as `~/.ssh/deploy`, without quotes, `%`, `$` and backslashes";
        return decoder.invalid(field.node.mark, "path of a key", &path, help);
    }
    Some(path)
}

/// Reads the names of secrets with keys. A key itself is refused, and not shown.
fn key_data(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for item in decoder.items(field) {
        let Some(name) = decoder.filled(&item) else {
            continue;
        };
        if variable::is_secret_name(&name) && !variable::is_read_at_start(&name) {
            decoder.refer(&name, item.key);
            if !names.contains(&name) {
                names.push(name);
            }
            continue;
        }
        let message = match name.contains("PRIVATE KEY") {
            true => format!("`{}` is a private key in plain text", item.path),
            false => format!("`{}` is not the name of a secret", item.path),
        };
        let error = Diagnostic::error(message).at(decoder.place(item.node.mark));
        let help = "name a secret that has the key, such as `key_data: [SSH_PRIVATE_KEY]`, and set it in the environment, in .env or \
                    in a secrets file; a key that was committed is no secret any more";
        decoder.diagnostics.push(error.help(help).hide_source());
    }
    names
}

/// Reads whether ssh reads the user's configuration. A file of the repository could run commands on the machine that applies.
fn config(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<bool> {
    if matches!(field.plain(), Some("true" | "false")) {
        return boolean::decode(decoder, field);
    }
    let message = format!("`{}` must be `true` or `false`", field.path);
    let help = "name a file with `--ssh-config FILE` or in MRSK_SSH_CONFIG: it can run commands, and is not taken from a \
                repository";
    decoder.error(field.node.mark, message, help);
    None
}

fn check_log_level(decoder: &mut Decoder<'_>, ssh: &Record<'_>) {
    let Some(field) = ssh.get("log_level") else {
        return;
    };
    let Some(level) = decoder.filled(field) else {
        return;
    };
    if !LOG_LEVELS.contains(&level.as_str()) {
        let message = format!("unknown log level `{}`", shown(&level));
        decoder.error(
            field.node.mark,
            message,
            choice(&level, "levels", &LOG_LEVELS),
        );
        return;
    }
    let message = format!("`{}` has no effect", field.path);
    let help = "what ssh says is shown if a connection fails: remove the key";
    decoder.warn(field.key, message, help);
}

fn user(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let user = decoder.filled(field)?;
    if !host::is_user(&user) {
        let help = "a user name has no whitespace, quotes or leading dash";
        return decoder.invalid(field.node.mark, "user name", &user, help);
    }
    Some(user)
}

/// A jump host; without a user it is reached as the default one, as the original does.
fn proxy(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    match HostSpec::parse(&text) {
        Ok(spec) if spec.user.is_some() => Some(text),
        Ok(_) => Some(format!("{DEFAULT_USER}@{text}")),
        Err(reason) => {
            let message = format!("invalid jump host `{}`: {reason}", shown(&text));
            let help = "use `host`, `user@host` or `user@host:port`";
            decoder.error(field.node.mark, message, help);
            None
        }
    }
}
