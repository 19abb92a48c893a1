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

/// What the name of a variable ends with, after `_`, if its value says something about a credential.
const ABOUT: [&str; 33] = [
    "ALGORITHM",
    "ARN",
    "AUDIENCE",
    "BITS",
    "COST",
    "COUNT",
    "DAYS",
    "ENABLED",
    "ENDPOINT",
    "EXPIRATION",
    "EXPIRES_IN",
    "EXPIRY",
    "FILE",
    "FORMAT",
    "HEADER",
    "HOURS",
    "ISSUER",
    "LENGTH",
    "LIFETIME",
    "LIMIT",
    "MAX",
    "MIN",
    "MINUTES",
    "PATH",
    "POLICY",
    "PREFIX",
    "REQUIRED",
    "ROUNDS",
    "SECONDS",
    "TIMEOUT",
    "TTL",
    "TYPE",
    "URL",
];

/// Values that switch something on or off.
const SWITCHES: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "0", "1"];

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

/// Returns a template without its tags: its lines stay, and what the user wrote as it is.
pub(super) fn without_tags(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once("<%") {
        plain.push_str(before);
        let (tag, after) = tag.split_once("%>").unwrap_or((tag, ""));
        plain.extend(tag.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    plain + rest
}

fn may_reveal(lines: &[&str], index: usize) -> bool {
    let Some(line) = lines.get(index) else {
        return false;
    };
    has_url_credentials(line) || has_secret_value(line) || belongs_to_secret(lines, index)
}

/// Whether a line stands below the key of a secret, or goes on with the value of one.
fn belongs_to_secret(lines: &[&str], index: usize) -> bool {
    let Some((line, above)) = lines.get(..=index).and_then(<[&str]>::split_last) else {
        return false;
    };
    if names_only(line.trim()) {
        return false;
    }
    let mut keys = above.iter().rev().filter(|above| is_key(above));
    if is_in_open_quote(above) {
        return true;
    }
    if !is_key(line) {
        return keys
            .next()
            .is_some_and(|key| value_after_word(key).is_some());
    }
    let last = above.iter().rfind(|above| !above.trim().is_empty());
    let block = last.and_then(|last| value_after_word(last));
    if block.is_some_and(|value| value.starts_with(['|', '>'])) {
        return true;
    }
    let mut depth = depth_of(line);
    keys.any(|key| {
        let is_parent = depth_of(key) < depth;
        depth = depth.min(depth_of(key));
        is_parent && is_secret_key(key)
    })
}

/// Whether the value of a secret's key began with a quote that was not closed yet.
fn is_in_open_quote(above: &[&str]) -> bool {
    let opens = |line: &&str| value_after_word(line).is_some_and(opens_quote);
    let Some(begun) = above.iter().rposition(opens) else {
        return false;
    };
    let quote = value_after_word(above[begun]).and_then(|value| value.chars().next());
    let mut between = above.iter().skip(begun + 1);
    quote.is_some_and(|quote| !between.any(|line| line.contains(quote)))
}

/// Returns how far a line is indented. The items of a list are below its key, also if they begin in the same column.
fn depth_of(line: &str) -> usize {
    let text = line.trim_start();
    line.len() - text.len() + usize::from(text.starts_with("- "))
}

/// Whether the key of a line is `password`, perhaps misspelt, or `secret`.
fn is_secret_key(line: &str) -> bool {
    let key = line.split(':').next().unwrap_or_default().trim();
    key == "secret" || misspelt_password(&line.to_ascii_lowercase()) == line.find(':')
}

/// Whether a value begins with a quote that is not closed in its line.
fn opens_quote(value: &str) -> bool {
    let mut characters = value.chars();
    let quote = characters.next().filter(|c| matches!(c, '"' | '\''));
    quote.is_some_and(|quote| !characters.any(|c| c == quote))
}

/// Whether a line begins with a key.
fn is_key(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("- ");
    let Some((key, rest)) = line.split_once(':') else {
        return false;
    };
    let key = key.trim_matches(['"', '\'']);
    let is_name = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    !key.is_empty() && key.chars().all(is_name) && (rest.is_empty() || rest.starts_with(' '))
}

/// Whether `text` is an item of a list that is the name of a variable, or a list that has only such names, in capitals.
fn names_only(text: &str) -> bool {
    let text = text.split_once(" #").map_or(text, |(text, _)| text).trim();
    let (items, is_letter): (_, fn(&char) -> bool) = match text.strip_prefix('[') {
        Some(list) => (list.trim_end_matches(']'), char::is_ascii_uppercase),
        None => match text.strip_prefix("- ") {
            Some(item) => (item, char::is_ascii_alphabetic),
            None => return false,
        },
    };
    items.split(',').all(|item| {
        let name = item.trim().trim_matches(['"', '\'']);
        let is_part = |c: char| is_letter(&c) || c.is_ascii_digit() || c == '_';
        !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_part)
    })
}

/// Returns what stands after the colon of a key that names a secret, unless it is a list of names.
fn value_after_word(line: &str) -> Option<&str> {
    let lower = line.to_ascii_lowercase();
    let ends = WORDS
        .iter()
        .filter_map(|word| Some(lower.find(word)? + word.len()));
    let end = ends.min().or_else(|| misspelt_password(&lower))?;
    let rest = &line[end..];
    let value = rest[rest.find(':')? + 1..].trim();
    (!names_only(value)).then_some(value)
}

/// Returns where a key ends that is most likely a misspelt `password`.
fn misspelt_password(lower: &str) -> Option<usize> {
    lower.match_indices(':').find_map(|(at, _)| {
        let is_outside = |c: char| !c.is_alphanumeric() && c != '_';
        let key = lower.get(..at)?.rsplit(is_outside).next()?;
        (strsim::jaro_winkler(key, "password") > 0.85).then_some(at)
    })
}

/// Whether the variable `name` with this value looks like a secret. A switch is none, nor is what a name says about a secret:
/// its length, its file, how long it is valid.
pub fn looks_secret(name: &str, value: &str) -> bool {
    let name = name.to_uppercase().replace('-', "_");
    let is_switch = SWITCHES.contains(&value.to_lowercase().as_str());
    let is_about = ABOUT.iter().any(|end| {
        let rest = name.strip_suffix(end);
        rest.is_some_and(|rest| rest.ends_with('_'))
    });
    let named = !is_switch && !is_about && NAMES.iter().any(|word| name.contains(word));
    !value.is_empty() && (named || has_url_credentials(value))
}

/// Whether `value` has a URL with `user:password@`, or of the web with `token@`.
pub(crate) fn has_url_credentials(value: &str) -> bool {
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
            ("MYSQL_ALLOW_EMPTY_PASSWORD", "true", false),
            ("MYSQL_RANDOM_ROOT_PASSWORD", "Yes", false),
            ("PASSWORD_MIN_LENGTH", "12", false),
            ("TOKEN_TTL", "3600", false),
            ("ACCESS_TOKEN_EXPIRES_IN", "1h", false),
            ("DB_PASSWORD_FILE", "/run/secrets/db", false),
            ("OAUTH_TOKEN_URL", "https://id.example.com/token", false),
            ("OAUTH_TOKEN_URL", "https://x:y@id.example.com/token", true),
            ("PROFILE_TOKEN", "x", true),
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
            ("  pasword: x\n", true),
            ("{user: a, pssword: b}", true),
            ("  parts: x", false),
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
        for (lines, expected) in [
            (&["  password: |", "", "    hunter2"][..], true),
            (&["  password: |", "    one", "two", "three"], true),
            (&["  password: |", "a: b"], true),
            (&["  password: 'one", "k: v", "two", "last'"], true),
            (&["  password: 'one'", "  k: v"], false),
            (&["  secret:", "    - NAME"], false),
            (&["  secret:", "    - name # of it"], false),
            (&["  secret:", "    - NAME", "    - TOKEN=x"], true),
            (&["  secret:", "  - URL: x"], true),
            (&["  secret:", "    - A", "  clear:", "    B: x"], false),
            (
                &["  secret:", "    - A", "  clear:", "    B", "    - x y"],
                false,
            ),
            (&["  auth:", "    image: x"], false),
            (&["  password: [NAME, OTHER]", "  x"], false),
        ] {
            assert_eq!(may_reveal(lines, lines.len() - 1), expected, "{lines:?}");
        }
        for text in [
            "  password: [hunter2]",
            "  password: [[\"x\"]]",
            "  password: [A b]",
        ] {
            assert!(may_reveal(&[text], 0), "{text}");
        }
    }

    #[test]
    fn what_is_written_beside_tags_is_left() {
        for (text, expected) in [
            ("a: <%= b %>c\n<% d\ne %>f <%g", "a: c\n\nf "),
            ("no tag", "no tag"),
        ] {
            assert_eq!(without_tags(text), expected);
        }
    }
}
