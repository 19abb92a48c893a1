//! `ssh`: how hosts are reached.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record, shown};
use crate::config::model::Ssh;
use crate::config::schema::{Property, filled, matching, record, with_default};
use crate::config::values::host::{self, HostSpec};
use crate::config::values::port;

pub(super) const KEY: Property = ("ssh", schema);

const DEFAULT_USER: &str = "root";

const KEYS: [Property; 4] = [
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
    }
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
