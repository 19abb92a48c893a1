//! A program of the user: `--from` is its command line, which gets the names as further arguments and prints a JSON object.

use serde_json::Value;

use super::call::{Program, StoreError};
use super::request::{Found, Request};
use crate::secret::Secrets;

/// Returns the secrets that are asked for, with one call. No shell reads the command line.
pub(super) fn fetch(request: &Request<'_>) -> Result<Found, StoreError> {
    let usage = |message: &str| {
        let help = "name the program: `mrsk secrets fetch --adapter command --from PROGRAM NAME…`";
        StoreError::new(message, help)
    };
    if request.account.is_some() {
        return Err(usage("the adapter `command` takes no account"));
    }
    let line = request.from.ok_or_else(|| usage("no program is named"))?;
    let words = shell_words::split(line).map_err(|_| usage("unclosed quote in `--from`"))?;
    let (program, before) = words
        .split_first()
        .ok_or_else(|| usage("no program is named"))?;
    let store = Program {
        name: program,
        store: None,
        get: "install it, or name another program with `--from`",
    };
    let arguments = before.iter().chain(request.names).map(String::as_str);
    let arguments: Vec<&str> = arguments.collect();
    let json = store.json(&arguments, &Secrets::new())?;
    let object = json
        .as_object()
        .ok_or_else(|| store.unexpected(&arguments))?;
    let names = request.names.iter();
    if let Some(missing) = names
        .clone()
        .find(|name| !object.contains_key(name.as_str()))
    {
        let message = format!("`{program}` printed no secret `{missing}`");
        return Err(StoreError::new(
            message,
            "it must print a JSON object that has each name",
        ));
    }
    let pair = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (name.clone(), value)
    };
    Ok(object.iter().map(pair).collect())
}
