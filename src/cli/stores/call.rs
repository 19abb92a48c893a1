//! Calls the program of a store.

use std::io::{ErrorKind, IsTerminal};

use serde_json::Value;
use zeroize::Zeroizing;

use crate::record::Ending;
use crate::redaction;
use crate::secret::Secrets;
use crate::text;
use crate::transport::foreground::{Foreground, Input, capture};

/// The most that a program may print, in bytes.
const MAX_OUTPUT: usize = 8 << 20;

/// Why a store gave no secret.
#[derive(Debug)]
pub struct StoreError {
    /// What is wrong, without a value.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl StoreError {
    /// Returns an error.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
        }
    }
}

/// The program of a store.
pub(super) struct Program<'a> {
    pub(super) name: &'a str,
    /// What it belongs to; `None` for a program of the user.
    pub(super) store: Option<&'a str>,
    /// Where it is to be had.
    pub(super) get: &'a str,
}

impl Program<'_> {
    /// Returns what the program prints with these arguments, and `variables` in its environment.
    pub(super) fn run(
        &self,
        arguments: &[&str],
        variables: &Secrets,
    ) -> Result<Zeroizing<String>, StoreError> {
        let (ending, printed, said) = self.call(arguments, variables)?;
        match ending {
            Ending::Succeeded => Ok(printed),
            ending => {
                let how = match ending {
                    Ending::Failed { code } => format!("exit status {code}"),
                    _ => "it did not end".to_owned(),
                };
                let message = format!("`{}` failed: {how}{said}", self.shown(arguments));
                let help = match self.store {
                    Some(store) => {
                        format!("log in to {store}, and check the names that are asked for")
                    }
                    None => "run it by hand to see why".to_owned(),
                };
                Err(StoreError::new(message, help))
            }
        }
    }

    /// Returns whether the program succeeds with these arguments.
    pub(super) fn succeeds(&self, arguments: &[&str]) -> Result<bool, StoreError> {
        let (ending, ..) = self.call(arguments, &Secrets::new())?;
        Ok(ending == Ending::Succeeded)
    }

    /// Returns what the program prints, as JSON.
    pub(super) fn json(
        &self,
        arguments: &[&str],
        variables: &Secrets,
    ) -> Result<Value, StoreError> {
        let printed = self.run(arguments, variables)?;
        serde_json::from_str(&printed).map_err(|_| self.unexpected(arguments))
    }

    /// Returns the error that the program printed something else than is known of it.
    pub(super) fn unexpected(&self, arguments: &[&str]) -> StoreError {
        let shown = self.shown(arguments);
        match self.store {
            Some(_) => StoreError::new(
                format!("`{shown}` printed what is not understood"),
                format!("update `{}`, and run this command by hand", self.name),
            ),
            None => StoreError::new(
                format!("`{shown}` printed no JSON object"),
                "run it by hand: it must print a JSON object of names and values",
            ),
        }
    }

    fn shown(&self, arguments: &[&str]) -> String {
        text::one_line(&shell_words::join([&[self.name], arguments].concat()))
    }

    fn call(
        &self,
        arguments: &[&str],
        variables: &Secrets,
    ) -> Result<(Ending, Zeroizing<String>, String), StoreError> {
        let argv: Vec<String> = [&[self.name], arguments]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let captured = capture(&Foreground {
            argv: &argv,
            variables,
            input: match std::io::stdin().is_terminal() {
                true => Input::Inherited,
                false => Input::Nothing,
            },
            limit: MAX_OUTPUT,
        });
        let captured = captured.map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                let reads = self
                    .store
                    .map_or_else(String::new, |store| format!(": it reads {store}"));
                let name = self.name;
                let message =
                    format!("`{name}` is not installed on this machine, or not in PATH{reads}");
                StoreError::new(message, self.get)
            }
            _ => StoreError::new(format!("cannot run `{}`: {error}", self.name), self.get),
        })?;
        let printed = String::from_utf8(captured.stdout).map_err(|_| self.unexpected(arguments))?;
        let printed = Zeroizing::new(printed);
        let mut known = variables.clone();
        known.insert(String::new(), crate::secret::Secret::new(printed.as_str()));
        let said = redaction::redact_words(&captured.stderr, &known);
        let last = said
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty());
        let said = last.map_or_else(String::new, |line| format!(": {}", text::one_line(line)));
        Ok((captured.ending, printed, said))
    }
}

/// Returns the text of a field.
pub(super) fn text_of(value: &Value, field: &str) -> Option<String> {
    value.get(field).and_then(Value::as_str).map(str::to_owned)
}
