//! Runs the commands of secrets files: by `sh`, as the user wrote them; `$(mrsk secrets …)` and `$(kamal secrets …)` by this program
//! itself, so that no value is an argument of a process.

use std::io::IsTerminal;

use zeroize::Zeroizing;

use super::environment;
use super::stores::{self, StoreError};
use crate::apply::preflight::Value;
use crate::config;
use crate::config::secrets_files::{Command, Lookup, Runner, SecretSources};
use crate::record::Ending;
use crate::redaction;
use crate::secret::{Secret, Secrets};
use crate::text;
use crate::transport::foreground::{Captured, Foreground, Input, capture};

/// The most that a command may print, in bytes.
const MAX_OUTPUT: usize = 1 << 20;

/// What is said of a command that failed.
const BY_HAND: &str = "run it by hand to see why";

/// Returns the value of `name` in `sources`, without running anything.
pub fn value(sources: &SecretSources, name: &str) -> Value {
    match sources.lookup(name) {
        Lookup::Known(secret) => Value::Known(secret),
        Lookup::Late => Value::Late,
        Lookup::Unset => Value::Unset,
        Lookup::Unresolved(problem) => Value::Invalid(problem),
    }
}

/// Runs commands on this machine.
pub struct CommandRunner;

impl Runner for CommandRunner {
    fn run(&mut self, command: &Command, variables: &Secrets) -> Result<Secret, (String, String)> {
        if let Some(words) = own_words(&command.text, variables) {
            return stores::run(&words).map_err(|StoreError { message, help }| {
                let message = redaction::redact_words(&message, variables);
                (format!("failed: {message}"), help)
            });
        }
        let argv = ["sh", "-c", &command.text].map(str::to_owned);
        let harmless = variables
            .iter()
            .filter(|(name, _)| !config::changes_start(name));
        let variables: Secrets = harmless
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let captured = capture(&Foreground {
            argv: &argv,
            variables: &variables,
            input: match std::io::stdin().is_terminal() {
                true => Input::Inherited,
                false => Input::Nothing,
            },
            limit: MAX_OUTPUT,
        });
        printed(captured, variables)
    }
}

/// Returns what a command printed, if it succeeded; else what it said, without a value that it was given or had printed.
fn printed(
    captured: std::io::Result<Captured>,
    mut values: Secrets,
) -> Result<Secret, (String, String)> {
    let help = match &captured {
        Ok(Captured {
            ending: Ending::Failed { code: 127 },
            ..
        }) => "install the program that it names on this machine, or correct it",
        _ => BY_HAND,
    };
    if let Ok(captured) = &captured
        && let Ok(text) = std::str::from_utf8(&captured.stdout)
    {
        values.insert(String::new(), Secret::new(text));
    }
    let text = environment::text(captured).map_err(|failure| {
        let said = redaction::redact_words(&failure.said, &values);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        let said = last.map_or_else(String::new, |line| {
            format!(": {}", text::one_line(line.trim()))
        });
        (format!("{}{said}", failure.how), help.to_owned())
    })?;
    match text.contains('\0') {
        true => {
            let help = "environment variables cannot contain NUL: encode the value".to_owned();
            Err(("printed a NUL byte".to_owned(), help))
        }
        false => Ok(Secret::new(text)),
    }
}

/// Returns the words after `mrsk secrets` or `kamal secrets` of a command that is nothing else, with the value of each variable as a part
/// of its word.
fn own_words(text: &str, variables: &Secrets) -> Option<Vec<Zeroizing<String>>> {
    let mut words = split(text, variables)?.into_iter();
    let [program, command] = [words.next()?, words.next()?];
    let is_own = ["mrsk", "kamal"].contains(&program.as_str()) && *command == "secrets";
    is_own.then(|| words.collect())
}

/// Splits a command into words as a shell does; `None` if it has more than words, quotes and variables.
fn split(text: &str, variables: &Secrets) -> Option<Vec<Zeroizing<String>>> {
    let mut words = Vec::new();
    let mut word: Option<Zeroizing<String>> = None;
    let mut quote = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match (quote, c) {
            (None, ' ' | '\t' | '\n' | '\r') => words.extend(word.take()),
            (None, '|' | '&' | ';' | '<' | '>' | '(' | ')' | '#' | '*' | '?' | '[' | '~')
            | (None | Some('"'), '`') => return None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if open == c => quote = None,
            (None | Some('"'), '\\') => {
                let next = rest.chars().next()?;
                rest = &rest[next.len_utf8()..];
                word.get_or_insert_default().push(next);
            }
            (None | Some('"'), '$') => {
                let (name, after) = variable(rest)?;
                rest = after;
                let value = variables.get(name).map(Secret::reveal);
                let process = || std::env::var(name).ok().map(Zeroizing::new);
                let word = word.get_or_insert_default();
                match value {
                    Some(value) => word.push_str(value),
                    None => word.push_str(&process().unwrap_or_default()),
                }
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Returns the name after a `$`, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (inner, is_braced) = match text.strip_prefix('{') {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let end = inner.find(|c| !is_of_name(c)).unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    let after = match is_braced {
        true => after.strip_prefix('}')?,
        false => after,
    };
    (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Secrets {
        Secrets::from([("SECRETS".to_owned(), Secret::new("{\"a b\": \"it's $x\"}"))])
    }

    #[test]
    fn words_are_split_as_a_shell_splits_them_and_values_are_not() {
        for (text, expected) in [
            (
                "mrsk secrets extract A $SECRETS",
                Some(vec!["extract", "A", "{\"a b\": \"it's $x\"}"]),
            ),
            (" kamal  secrets print", Some(vec!["print"])),
            (
                "mrsk secrets fetch 'a b' \"c ${NO}d\" e\\ f ''",
                Some(vec!["fetch", "a b", "c d", "e f", ""]),
            ),
            ("mrsk secrets fetch A | jq", None),
            ("mrsk secrets fetch $(cat a)", None),
            ("mrsk secrets fetch `a`", None),
            ("mrsk plan", None),
            ("op read x", None),
            ("mrsk secrets fetch 'a", None),
        ] {
            let words = own_words(text, &variables());
            let words: Option<Vec<String>> =
                words.map(|words| words.iter().map(|word| word.to_string()).collect());
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(words, expected, "{text}");
        }
    }

    #[test]
    fn what_a_command_says_is_told_without_its_values() {
        let run = |text: &str| {
            let command = Command {
                text: text.to_owned(),
                names: Vec::new(),
            };
            let secrets = Secrets::from([("TOKEN".to_owned(), Secret::new("hunter2hunter2"))]);
            let printed = CommandRunner.run(&command, &secrets);
            printed.map(|secret| secret.reveal().to_owned())
        };
        assert_eq!(run("echo \"$TOKEN\""), Ok("hunter2hunter2\n".to_owned()));
        let (why, _) =
            run("echo leaked-value; echo \"no $TOKEN leaked-value\" >&2; exit 3").unwrap_err();
        assert!(why.starts_with("failed: exit status 3"), "{why}");
        assert!(
            !why.contains("hunter2") && !why.contains("leaked-value"),
            "{why}"
        );
        let (why, help) = run("no-such-program").unwrap_err();
        assert!(
            why.contains("127") && help.contains("install"),
            "{why}: {help}"
        );
        assert!(run("printf 'a\\0b'").is_err());
    }
}
