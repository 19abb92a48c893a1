//! Bitwarden: the passwords of items, and their fields as `ITEM/FIELD`.

use serde_json::Value;

use super::call::{Program, StoreError, text_of};
use super::request::{Found, Request};
use crate::secret::{Secret, Secrets};

const BW: Program<'static> = Program {
    name: "bw",
    store: Some("Bitwarden"),
    get: "install the Bitwarden CLI: https://bitwarden.com/help/cli",
};

/// Returns the passwords and fields that are asked for, with one call for each item.
pub(super) fn fetch(request: &Request<'_>) -> Result<Found, StoreError> {
    let session = log_in(request.account()?)?;
    BW.run(&["sync"], &session)?;
    let mut items: Vec<(String, Vec<String>)> = Vec::new();
    for name in request.prefixed() {
        let (item, field) = match name.split_once('/') {
            Some((item, field)) => (item.to_owned(), Some(field.to_owned())),
            None => (name, None),
        };
        match items.iter_mut().find(|(known, _)| *known == item) {
            Some((_, fields)) => fields.extend(field),
            None => items.push((item, field.into_iter().collect())),
        }
    }
    let mut found = Found::new();
    for (item, fields) in items {
        let json = BW.json(&["get", "item", &item], &session)?;
        found.extend(values(&item, &fields, &json)?);
    }
    Ok(found)
}

fn values(item: &str, fields: &[String], json: &Value) -> Result<Found, StoreError> {
    let all = json.get("fields").and_then(Value::as_array);
    let all = all.map_or(&[][..], Vec::as_slice);
    let password = json.pointer("/login/password").and_then(Value::as_str);
    if let (Some(password), []) = (password, fields) {
        return Ok(vec![(item.to_owned(), password.to_owned())]);
    }
    let names: Vec<String> = match fields {
        [] => all
            .iter()
            .filter_map(|field| text_of(field, "name"))
            .collect(),
        fields => fields.to_vec(),
    };
    if names.is_empty() {
        let message = format!("item {item} has neither a password nor fields");
        return Err(StoreError::new(message, "name a field: ITEM/FIELD"));
    }
    let value = |name: String| {
        let field = all
            .iter()
            .find(|field| text_of(field, "name").as_ref() == Some(&name));
        let value = field.and_then(|field| text_of(field, "value"));
        value
            .map(|value| (format!("{item}/{name}"), value))
            .ok_or_else(|| {
                let message = format!("item {item} has no field {name}");
                StoreError::new(message, "check the names of its fields with `bw get item`")
            })
    };
    names.into_iter().map(value).collect()
}

/// Logs in and unlocks the vault if that is needed. Returns the variable that the session is in.
fn log_in(account: &str) -> Result<Secrets, StoreError> {
    let status = |session: &Secrets| {
        let json = BW.json(&["status"], session)?;
        Ok(text_of(&json, "status").unwrap_or_default())
    };
    let mut session = Secrets::new();
    let mut now: String = status(&session)?;
    if now == "unauthenticated" {
        BW.run(&["login", account], &session)?;
        now = status(&session)?;
    }
    if now == "locked" {
        let key = BW.run(&["unlock", "--raw"], &session)?;
        session.insert("BW_SESSION".to_owned(), Secret::new(key.trim()));
        now = status(&session)?;
    }
    match now.as_str() {
        "unlocked" => Ok(session),
        _ => Err(StoreError::new(
            "the Bitwarden vault is locked",
            "run `bw login` and `bw unlock`, and set BW_SESSION",
        )),
    }
}
