//! `hooks_path` and `hook_secrets`: where hooks are, and which secrets they get.

use serde_json::json;

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::model::Hooks;
use crate::config::schema::{self, Property, described, matching};
use crate::config::values::variable;

pub(super) const KEY: Property = ("hooks_path", || {
    matching(
        "Directory of the hooks, relative to the current directory; without it .kamal/hooks or .mrsk/hooks.",
        "^[^/\\s]([^\\n]*\\S)?$",
    )
});

pub(super) const SECRETS: Property = ("hook_secrets", || {
    let mut name = variable::exported_schema();
    name["pattern"] = json!("^[A-Za-z_][A-Za-z0-9_]*$");
    let name = described("Name of a variable of .env or the environment.", name);
    schema::list("Secrets that hooks have in their environment.", &name)
});

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Hooks {
    Hooks {
        path: root.read(decoder, KEY.0, path),
        secrets: root.collect(decoder, SECRETS.0, secrets),
    }
}

fn path(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let path = decoder.filled(field)?;
    if path.starts_with('/') || path.trim() != path || path.contains(char::is_control) {
        let help = "use a directory of the repository, such as `.kamal/hooks`";
        return decoder.invalid(field.node.mark, "relative path", &path, help);
    }
    Some(path.trim_end_matches('/').to_owned())
}

fn secrets(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for item in decoder.items(field) {
        let Some(name) = variable::decode(decoder, &item) else {
            continue;
        };
        decoder.refer(&name, item.key);
        if !variable::is_secret_name(&name) || variable::is_read_at_start(&name) {
            let message = format!("`{name}` cannot be a secret of hooks");
            let help = "choose another name: mrsk, the loader, ssh or docker read this one";
            decoder.error(item.key, message, help);
        } else if names.contains(&name) {
            let message = format!("duplicate secret `{name}`");
            decoder.warn(item.key, message, "remove one of them");
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}
