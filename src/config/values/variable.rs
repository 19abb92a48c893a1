//! Names of variables of the environment.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field};
use crate::config::schema::described;

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
        decoder.error(
            field.key,
            format!(
                "`{name}` cannot be a secret: it would change how the docker command itself runs"
            ),
            "use `clear`, which sets it in the container only, or another name",
        );
        return None;
    }
    Some(name)
}

/// Reads the name of a variable of the environment.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let name = decoder.text(field)?;
    let mut bytes = name.bytes();
    let valid = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !valid {
        let place = decoder.place(field.key);
        let error = crate::diagnostic::Diagnostic::error(format!(
            "`{}` is not a valid variable name",
            field.path
        ));
        let help = "use the name of a variable, not its value: letters, digits and `_`, not starting with a digit";
        decoder
            .diagnostics
            .push(error.at(place).help(help).hide_source());
        return None;
    }
    Some(name)
}

/// Whether exporting `name` on the host would change what the shell, the loader or docker's client do.
fn redirects_commands(name: &str) -> bool {
    REDIRECTING.contains(&name)
        || REDIRECTING_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
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
