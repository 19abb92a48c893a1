//! What may hold a secret value, by its name or form; such lines of a file are never shown.

use crate::diagnostic::Diagnostic;

/// Parts of a key that stand before a secret value; also of misspelt ones.
const WORDS: [&str; 7] = ["pass", "pwd", "secret", "token", "_key", "-key", "auth"];

/// Parts of the names of variables that hold a credential.
const NAMES: [&str; 10] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "API_KEY",
    "ACCESS_KEY",
    "MASTER_KEY",
    "PRIVATE_KEY",
];

/// Hides the source of every diagnostic of `file` whose line in its `text` may hold a secret value.
pub fn hide_secret_lines(file: &str, text: &str, diagnostics: &mut [Diagnostic]) {
    let lines: Vec<&str> = text.lines().collect();
    for diagnostic in diagnostics {
        let place = diagnostic.place.as_ref().filter(|place| place.file == file);
        let index = place.and_then(|place| place.line.checked_sub(1));
        diagnostic.source_hidden |= index.is_some_and(|index| may_reveal(&lines, index));
    }
}

/// Whether `text` has the name of a secret and, after a colon, a value: what a quote that is not closed swallows.
pub(super) fn has_secret_value(text: &str) -> bool {
    value_after_word(text).is_some_and(|value| !value.is_empty())
}

fn may_reveal(lines: &[&str], index: usize) -> bool {
    let Some(line) = lines.get(index) else {
        return false;
    };
    let above = lines[..index].iter().rfind(|line| !line.trim().is_empty());
    // The value of a secret's key may begin in the line below the key.
    let above = above.and_then(|above| value_after_word(above));
    let continues = above.is_some_and(|value| value.is_empty() || value.starts_with(['|', '>']));
    has_url_credentials(line)
        || has_secret_value(line)
        || continues && !line.trim_start().starts_with(['-', '['])
}

/// Returns what stands after the colon of a key that names a secret, unless it is a list of names.
fn value_after_word(line: &str) -> Option<&str> {
    let lower = line.to_ascii_lowercase();
    let ends = WORDS
        .iter()
        .filter_map(|word| Some(lower.find(word)? + word.len()));
    let rest = &line[ends.min()?..];
    let value = rest[rest.find(':')? + 1..].trim();
    (!value.starts_with('[')).then_some(value)
}

/// Whether the variable `name` with this value looks like a secret.
pub fn looks_secret(name: &str, value: &str) -> bool {
    let name = name.to_uppercase();
    let named = NAMES.iter().any(|word| name.contains(word));
    !value.is_empty() && (named || has_url_credentials(value))
}

/// Whether `value` has a URL with `user:password@`, or of the web with `token@`.
pub(super) fn has_url_credentials(value: &str) -> bool {
    let mut scheme = "";
    value.split("://").enumerate().any(|(index, part)| {
        let web = scheme.ends_with("http") || scheme.ends_with("https");
        scheme = part;
        let host = part
            .split(|c: char| "/?#".contains(c) || c.is_whitespace())
            .next();
        let Some((credentials, _)) = host.and_then(|host| host.rsplit_once('@')) else {
            return false;
        };
        let has_password = credentials
            .split_once(':')
            .is_some_and(|(_, word)| !word.is_empty());
        index > 0 && (web || has_password)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognized() {
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
            assert_eq!(looks_secret(name, value), expected, "{name}={value}");
        }
    }

    #[test]
    fn lines_with_secret_values_are_found() {
        for (text, expected) in [
            ("  password: hunter2", true),
            ("  pasword: x\n", false),
            ("  passwrd: x", true),
            ("registry: {server: a, password: b, foo: c}", true),
            ("  password: [NAME]", false),
            ("  - DB_PASSWORD", false),
            ("  DATABASE_URL: postgres://a:b@c/d", true),
            ("  API_KEY: x", true),
            ("  port: 3000", false),
        ] {
            assert_eq!(may_reveal(&[text.trim_end()], 0), expected, "{text}");
        }
        assert!(may_reveal(&["  password: |", "", "    hunter2"], 2));
        assert!(!may_reveal(&["  secret:", "    - NAME"], 1));
    }
}
