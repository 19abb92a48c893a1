//! Commands, split into words as a shell does.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, shown};
use crate::config::schema::text;

/// What a shell reads as its own, and a program as an argument.
const OPERATORS: [&str; 14] = [
    "&&", "||", "|", "|&", ";", ";;", "&", ">", ">>", "<", "<<", "2>", "2>&1", "&>",
];

/// Shells, which read the argument after `-c` themselves.
const SHELLS: [&str; 7] = ["sh", "bash", "ash", "dash", "zsh", "ksh", "busybox"];

/// What stands for a character that is quoted.
const QUOTED: char = '\u{1}';

/// Returns the schema of the command of a container.
pub(crate) fn schema() -> Value {
    text("Command in place of the image's own, split into words as a shell does.")
}

/// Returns a command, split into words as a shell does. Warns of what only a shell would understand.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    let Some(text) = decoder.text(field) else {
        return Vec::new();
    };
    let Ok(words) = shell_words::split(&text) else {
        let message = format!("unclosed quote in `{}`", field.path);
        let help =
            "it is split into words like a shell does; for pipes and variables use `sh -c '…'`";
        decoder.error(field.node.mark, message, help);
        return Vec::new();
    };
    if let Some(word) = for_a_shell(&text, &words) {
        let message = format!(
            "`{}` contains `{}`, but no shell runs it",
            field.path,
            shown(&word)
        );
        let help = "the program gets it as it is written: write `sh -c '…'` around the command";
        decoder.warn(field.node.mark, message, help);
    }
    words
}

/// Returns the first part of a command that only a shell understands: an operator, a variable, or an assignment before the
/// program. What is in single quotes or behind a backslash is meant as it is.
fn for_a_shell(text: &str, words: &[String]) -> Option<String> {
    let raw = unquoted(text);
    let operator = raw
        .split_whitespace()
        .map(|word| word.trim_end_matches(';'))
        .zip(raw.split_whitespace())
        .find_map(|(bare, word)| match OPERATORS.contains(&word) {
            true => Some(word.to_owned()),
            false => (bare.len() < word.len()).then(|| ";".to_owned()),
        });
    if operator.is_some() {
        return operator;
    }
    if let Some(first) = words.first().filter(|first| is_assignment(first)) {
        return Some(first.clone());
    }
    if runs_shell(words) {
        return None;
    }
    let at = raw.char_indices().find(|(at, c)| {
        let next = raw[at + c.len_utf8()..].chars().next();
        let begins = |c: char| c.is_ascii_alphabetic() || "_{(".contains(c);
        *c == '`' || *c == '$' && next.is_some_and(begins)
    });
    let (at, _) = at?;
    let rest = &raw[at..];
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_{(`$".contains(c);
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let closed = usize::from(rest[end..].starts_with('}'));
    Some(rest[..end + closed].to_owned())
}

/// Returns a command with [`QUOTED`] for each quoted or escaped character that a shell would not read as its own. In double quotes,
/// these are all but `$` and backticks, and what names a variable.
fn unquoted(text: &str) -> String {
    let mut kept = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                kept.push(QUOTED);
            }
            (Some(open), c) if open == c => {
                quote = None;
                kept.push(QUOTED);
            }
            (None | Some('"'), '\\') => {
                characters.next();
                kept.push(QUOTED);
            }
            (Some('\''), _) => kept.push(QUOTED),
            (Some(_), c) if !(c.is_ascii_alphanumeric() || "$`_{}(".contains(c)) => {
                kept.push(QUOTED)
            }
            (_, c) => kept.push(c),
        }
    }
    kept
}

/// Whether a word sets a variable for the program that follows.
fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else {
        return false;
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(allowed)
}

/// Whether a command hands a text to a shell.
fn runs_shell(words: &[String]) -> bool {
    let is_shell = |word: &String| {
        let name = word.rsplit('/').next().unwrap_or(word);
        SHELLS.contains(&name)
    };
    let is_option = |word: &String| word.starts_with('-') && word.ends_with('c');
    words.iter().any(is_shell) && words.iter().any(is_option)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_shell_understands_is_found() {
        for (command, expected) in [
            ("bin/rails db:migrate && bin/jobs", Some("&&")),
            ("bin/jobs -c $CONCURRENCY", Some("$CONCURRENCY")),
            ("bin/jobs -c \"${CONCURRENCY}\"", Some("${CONCURRENCY}")),
            ("bin/jobs | tee log", Some("|")),
            ("bin/a; bin/b", Some(";")),
            ("bin/jobs > log 2>&1", Some(">")),
            (
                "RAILS_ENV=production bin/jobs",
                Some("RAILS_ENV=production"),
            ),
            ("bin/jobs $(nproc)", Some("$(nproc")),
            ("sh -c 'a' && b", Some("&&")),
            ("bin/jobs --url=http://a/?x=1&y=2", None),
            ("bin/jobs -c 5", None),
            ("sh -c 'bin/a && exec bin/b $X'", None),
            ("bash -lc \"bin/a $X\"", None),
            ("mongod --eval '$set'", None),
            ("mongod --eval \\$set", None),
            ("redis-server --requirepass a$1", None),
            ("bin/jobs --env=x", None),
        ] {
            let words = shell_words::split(command).unwrap();
            let found = for_a_shell(command, &words);
            assert_eq!(found.as_deref(), expected, "{command}");
        }
    }
}
