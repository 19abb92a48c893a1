//! `env`: values that stand in the file, names of secrets, and how a role's are merged over the global ones.

use std::collections::{BTreeMap, BTreeSet};

use super::decode::{Decoder, Field, shown, suggestion};
use super::model::Env;
use super::node::{Kind, Mark};

/// The variable by which a container knows its own name.
pub(super) const CONTAINER_NAME: &str = "MRSK_CONTAINER_NAME";

/// Variables by which the shell, the loader or docker's client find what they run.
pub(super) const REDIRECTING: [&str; 13] = [
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
pub(super) const REDIRECTING_PREFIXES: [&str; 6] =
    ["DOCKER_", "LD_", "BASH", "BUILDX_", "BUILDKIT_", "SSH_"];

/// The environment of one level: global, or a role's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EnvLayer {
    clear: BTreeMap<String, String>,
    secret: BTreeSet<String>,
}

impl EnvLayer {
    /// Merges `over` over this level, key by key: the value that stands there wins, whether clear or secret.
    pub(super) fn merge(&self, over: &EnvLayer) -> Env {
        let mut clear = self.clear.clone();
        let mut secret = self.secret.clone();
        for (name, value) in &over.clear {
            secret.remove(name);
            clear.insert(name.clone(), value.clone());
        }
        for name in &over.secret {
            clear.remove(name);
            secret.insert(name.clone());
        }
        Env {
            clear,
            secret: secret.into_iter().collect(),
        }
    }
}

/// Reads an `env`: `clear` and `secret`, with plain variables beside them or alone.
pub(super) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> EnvLayer {
    let mut layer = EnvLayer::default();
    let mut secrets = Vec::new();
    for (name, child) in decoder.entries(field) {
        match name {
            "clear" => {
                for (name, child) in decoder.entries(&child) {
                    variable(decoder, &mut layer, name, &child);
                }
            }
            "secret" => secrets = decoder.items(&child),
            _ => match misspelt(name, &child) {
                None => variable(decoder, &mut layer, name, &child),
                Some(close) => {
                    let message = format!("variable `{name}` must be a single value");
                    decoder.error(child.key, message, format!("did you mean `{close}`?"));
                }
            },
        }
    }
    for item in &secrets {
        let Some(name) = exported_name(decoder, item) else {
            continue;
        };
        if layer.clear.contains_key(&name) {
            decoder.error(
                item.key,
                format!("variable `{name}` is both clear and secret"),
                "keep one of them",
            );
        } else if !layer.secret.insert(name.clone()) {
            decoder.error(
                item.key,
                format!("duplicate secret `{name}`"),
                "remove one of them",
            );
        } else {
            decoder.refer(&name, item.key);
        }
    }
    layer
}

/// Returns the key that `name` stands for, where it has what no variable can have.
fn misspelt(name: &str, field: &Field<'_>) -> Option<&'static str> {
    match field.node.kind {
        Kind::Sequence(_) | Kind::Mapping(_) => suggestion(name, &["clear", "secret"]),
        Kind::Null | Kind::Scalar { .. } => None,
    }
}

fn variable(decoder: &mut Decoder<'_>, layer: &mut EnvLayer, name: &str, field: &Field<'_>) {
    if name.is_empty() || name.contains(['=', '\0']) {
        decoder.error(
            field.key,
            format!("`{}` is not a valid variable name", shown(&field.path)),
            "a name must not be empty or contain `=` or NUL",
        );
        return;
    }
    if name == CONTAINER_NAME {
        let message = format!("variable `{name}` is reserved");
        decoder.error(field.key, message, "mrsk sets it: choose another name");
        return;
    }
    let value = if field.is_null() {
        Some(String::new())
    } else {
        decoder.text(field)
    };
    let Some(value) = value else { return };
    if looks_like_credentials(name, &value) {
        warn_credentials(decoder, name, field.key);
    }
    if layer.clear.insert(name.to_owned(), value).is_some() {
        decoder.error(
            field.key,
            format!("duplicate variable `{name}`: under `clear` and directly in `env`"),
            "keep one of them",
        );
    }
}

/// Warns where a build argument looks like a credential: it stays in the image's history.
pub(super) fn warn_build_argument(decoder: &mut Decoder<'_>, name: &str, value: &str, mark: Mark) {
    if looks_like_credentials(name, value) {
        decoder.warn_secret(
            mark,
            format!("build argument `{name}` looks like a secret"),
            "build arguments stay in the image's history: use `builder.secrets` and `RUN --mount=type=secret`",
        );
    }
}

fn warn_credentials(decoder: &mut Decoder<'_>, name: &str, mark: Mark) {
    decoder.warn_secret(
        mark,
        format!("clear variable `{name}` looks like a secret"),
        format!("list `{name}` under `secret`, and set its value in .env or the environment"),
    );
}

fn looks_like_credentials(name: &str, value: &str) -> bool {
    let name = name.to_uppercase();
    let named = ["PASSWORD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY"]
        .iter()
        .any(|word| name.contains(word));
    !value.is_empty() && (named || has_url_credentials(value))
}

/// Whether `value` has a URL with `user:password@`, or of the web with `token@`.
pub(super) fn has_url_credentials(value: &str) -> bool {
    let mut scheme = "";
    value.split("://").enumerate().any(|(index, part)| {
        let web = scheme.ends_with("http") || scheme.ends_with("https");
        scheme = part;
        let end = part
            .find(|c: char| "/?#".contains(c) || c.is_whitespace())
            .unwrap_or(part.len());
        let Some((credentials, _)) = part[..end].rsplit_once('@') else {
            return false;
        };
        let password = credentials
            .split_once(':')
            .map_or("", |(_, password)| password);
        index > 0 && (web || !password.is_empty())
    })
}

/// Reads the name of a variable that `sh` exports to docker's command line.
pub(super) fn exported_name(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let name = variable_name(decoder, field)?;
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
pub(super) fn variable_name(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
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

    fn layer(clear: &[(&str, &str)], secret: &[&str]) -> EnvLayer {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        EnvLayer {
            clear: clear.iter().map(pair).collect(),
            secret: secret.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn roles_win_key_by_key_in_any_mix() {
        let nothing = layer(&[], &[]);
        let global = layer(&[("A", "1"), ("B", "1")], &["S", "T"]);
        let cases = [
            (
                &nothing,
                layer(&[("A", "2")], &["S"]),
                layer(&[("A", "2")], &["S"]),
            ),
            (
                &global,
                layer(&[], &[]),
                layer(&[("A", "1"), ("B", "1")], &["S", "T"]),
            ),
            (
                &global,
                layer(&[("A", "2")], &[]),
                layer(&[("A", "2"), ("B", "1")], &["S", "T"]),
            ),
            (
                &global,
                layer(&[], &["A"]),
                layer(&[("B", "1")], &["A", "S", "T"]),
            ),
            (
                &global,
                layer(&[("S", "x")], &[]),
                layer(&[("A", "1"), ("B", "1"), ("S", "x")], &["T"]),
            ),
            (
                &global,
                layer(&[("A", "")], &["U"]),
                layer(&[("A", ""), ("B", "1")], &["S", "T", "U"]),
            ),
        ];
        for (under, over, expected) in cases {
            let merged = under.merge(&over);
            assert_eq!(merged.clear, expected.clear, "{over:?}");
            assert_eq!(
                merged.secret,
                expected.secret.into_iter().collect::<Vec<_>>(),
                "{over:?}"
            );
        }
    }

    #[test]
    fn credentials_are_recognised() {
        for (name, value, expected) in [
            ("DB_PASSWORD", "x", true),
            ("db_password", "x", true),
            ("DB_PASSWORD", "", false),
            ("STRIPE_API_KEY", "sk", true),
            ("DATABASE_URL", "postgres://app:hunter2@db/app", true),
            ("DATABASE_URL", "postgres://app@db/app", false),
            ("DATABASE_URL", "mysql2://db1/hey_production/", false),
            ("URLS", "redis://a/1 redis://:pw@b/2", true),
            ("REPOSITORY", "https://ghp_x@github.com/a/b", true),
            ("HOST", "ssh://root@host", false),
            ("LINK", "https://example.com/a:b@c", false),
        ] {
            assert_eq!(
                looks_like_credentials(name, value),
                expected,
                "{name}={value}"
            );
        }
    }

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
