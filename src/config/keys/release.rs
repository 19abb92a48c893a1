//! `release`: a command that runs once for each version, before it is started: migrations of the database.

use serde_json::{Value, json};

use super::servers;
use crate::config::decoder::{Decoder, Record, choice, shown};
use crate::config::model::{ReleaseCommand, Role};
use crate::config::schema::{Property, described, filled, record};
use crate::config::values::{command, number};
use crate::name::RoleName;

/// What the command's container has in its name where those of roles have the role.
const NAME: &str = "release";

pub(super) const KEY: Property = (NAME, schema);

const KEYS: [Property; 3] = [
    ("cmd", || {
        filled("Command to run in a container of the new image, split into words as a shell does.")
    }),
    ("role", || {
        described(
            "Role whose environment and options the container has; without it the primary role.",
            json!({ "type": "string", "minLength": 1 }),
        )
    }),
    ("timeout", || {
        number::schema(
            "Seconds that the command may take; without it there is no limit.",
            1,
        )
    }),
];

fn schema() -> Value {
    record(
        "A command that runs once for each version on the primary host, before its first container starts.",
        &KEYS,
    )
}

/// Reads `release`, whose role must be one of `roles`.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    root: &Record<'_>,
    (roles, primary): (&[Role], Option<&RoleName>),
) -> Option<ReleaseCommand> {
    let field = root.get(KEY.0).filter(|field| !field.is_null())?;
    let known = servers::role_names(root);
    if known.contains(&NAME) {
        let message = format!("role `{NAME}` conflicts with the container name of `{NAME}`");
        let help = "rename the role";
        decoder.error(field.key, message, help);
    }
    let section = root.section(decoder, KEY.0, &KEYS);
    if section.get("cmd").is_none() {
        let help = "set the command, such as `cmd: bin/rails db:migrate`";
        decoder.missing(field, "cmd", help);
    }
    let cmd = section.collect(decoder, "cmd", |decoder, field| {
        match decoder.filled(field) {
            Some(_) => command::decode(decoder, field),
            None => Vec::new(),
        }
    });
    let timeout = section.read(decoder, "timeout", |decoder, field| {
        number::decode(decoder, field, "seconds", 1)
    });
    let role = match section.get("role") {
        Some(field) => {
            let name = decoder.filled(field)?;
            // Without readable `servers` that is what has to be reported.
            if !known.is_empty() && !known.contains(&name.as_str()) {
                let message = format!("unknown role `{}`", shown(&name));
                let help = choice(&name, "roles", &known);
                decoder.error(field.node.mark, message, help);
            }
            RoleName::from(name)
        }
        None => primary_of(roles, primary)?,
    };
    Some(ReleaseCommand { cmd, role, timeout })
}

fn primary_of(roles: &[Role], named: Option<&RoleName>) -> Option<RoleName> {
    let named = named.map_or("web", RoleName::as_str);
    let primary = roles.iter().find(|role| role.name.as_str() == named);
    primary.or(roles.first()).map(|role| role.name.clone())
}
