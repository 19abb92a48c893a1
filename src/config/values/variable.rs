//! Names of variables of the environment.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field};
use crate::config::schema::described;
use crate::diagnostic::Diagnostic;

/// The variable by which a container knows its own name.
pub const CONTAINER_NAME: &str = "MRSK_CONTAINER_NAME";

/// Variables by which the shell, the loader or docker's client find what they run.
const REDIRECTING: [&str; 13] = [
    "PATH",
    "HOME",
    "IFS",
    "ENV",
    "PWD",
    "OLDPWD",
    "SHELL",
    "SHELLOPTS",
    "PS4",
    "CDPATH",
    "TMPDIR",
    "GODEBUG",
    "XDG_RUNTIME_DIR",
];

/// What more such variables begin with.
const REDIRECTING_PREFIXES: [&str; 6] = ["DOCKER_", "LD_", "BASH", "BUILDX_", "BUILDKIT_", "SSH_"];

/// Returns the schema of a name.
pub(crate) fn schema() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" })
}

/// Returns the schema of a name that `sh` exports to docker's command line.
pub(crate) fn exported_schema() -> Value {
    let prefixes = format!("^({})", REDIRECTING_PREFIXES.join("|"));
    let redirecting = json!({ "anyOf": [
        { "enum": REDIRECTING },
        { "const": CONTAINER_NAME },
        { "pattern": prefixes },
    ] });
    let mut name = schema();
    name["not"] = redirecting;
    described("Name of a variable of .env or the environment.", name)
}

/// Reads the name of a variable that `sh` exports to docker's command line.
pub(crate) fn decode_exported(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let name = decode(decoder, field)?;
    if name == CONTAINER_NAME {
        let message = format!("variable `{name}` is reserved");
        decoder.error(field.key, message, "mrsk sets it: choose another name");
        return None;
    }
    if redirects_commands(&name) {
        let why = "it would change how the docker command itself runs";
        let message = format!("`{name}` cannot be a secret: {why}");
        let help = "use `clear`, which sets it in the container only, or another name";
        decoder.error(field.key, message, help);
        return None;
    }
    Some(name)
}

/// Reads the name of a variable of the environment.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let name = decoder.text(field)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty()
        || name.starts_with(|c: char| c.is_ascii_digit())
        || !name.chars().all(allowed)
    {
        let message = format!("`{}` is not a valid variable name", field.path);
        let help = "use the name of a variable, not its value: letters, digits and `_`, not starting with a digit";
        let error = Diagnostic::error(message).at(decoder.place(field.key));
        decoder.diagnostics.push(error.help(help).hide_source());
        return None;
    }
    Some(name)
}

/// Whether exporting `name` on the host would change what the shell, the loader or docker's client do.
fn redirects_commands(name: &str) -> bool {
    let mut prefixes = REDIRECTING_PREFIXES.iter();
    REDIRECTING.contains(&name) || prefixes.any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_redirect_commands_are_known() {
        for name in ["PATH", "HOME", "DOCKER_HOST", "LD_PRELOAD", "BASH_ENV"] {
            assert!(redirects_commands(name), "{name}");
        }
        for name in ["HOMEPAGE", "DATABASE_URL", "PATH_PREFIX", "_"] {
            assert!(!redirects_commands(name), "{name}");
        }
    }
}
