//! LastPass: the passwords of entries, by their full names.

use serde_json::Value;

use super::call::{Program, StoreError, text_of};
use super::request::{Found, Request};
use crate::secret::Secrets;
use crate::text;

const LPASS: Program<'static> = Program {
    name: "lpass",
    store: Some("LastPass"),
    get: "install the LastPass CLI: https://github.com/lastpass/lastpass-cli",
};

/// Returns the passwords that are asked for, with one call.
pub(super) fn fetch(request: &Request<'_>) -> Result<Found, StoreError> {
    let account = request.account()?;
    let none = Secrets::new();
    let status = LPASS.run(&["status", "--color", "never"], &none);
    let is_logged_in = match status {
        Ok(status) => status.trim() == format!("Logged in as {account}."),
        // Without a login, `status` fails.
        Err(_) => false,
    };
    if !is_logged_in {
        LPASS.run(&["login", account], &none)?;
    }
    let names = request.prefixed();
    let mut arguments = vec!["show"];
    arguments.extend(names.iter().map(String::as_str));
    arguments.push("--json");
    let json = LPASS.json(&arguments, &none)?;
    let entries = json.as_array().map_or(&[][..], Vec::as_slice);
    let pair = |entry: &Value| text_of(entry, "fullname").zip(text_of(entry, "password"));
    let found: Found = entries.iter().filter_map(pair).collect();
    let is_missing = |name: &&String| !found.iter().any(|(known, _)| known == *name);
    let missing: Vec<&String> = names.iter().filter(is_missing).collect();
    match missing.is_empty() {
        true => Ok(found),
        false => {
            let message = format!("LastPass has no {}", text::list(&missing));
            Err(StoreError::new(
                message,
                "list the full names with `lpass ls`",
            ))
        }
    }
}
