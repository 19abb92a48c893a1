//! 1Password: items and their fields, as `VAULT/ITEM/FIELD`.

use serde_json::Value;

use super::call::{Program, StoreError, text_of};
use super::request::{Found, Request};
use crate::secret::{Secret, Secrets};

const OP: Program<'static> = Program {
    name: "op",
    store: Some("1Password"),
    get: "install the 1Password CLI: https://developer.1password.com/docs/cli/get-started",
};

/// The default field.
const PASSWORD: &str = "password";

/// Returns the fields that are asked for; with `--from` and no name, all of that item.
pub(super) fn fetch(request: &Request<'_>) -> Result<Found, StoreError> {
    let account = request.account()?;
    let session = log_in(account)?;
    let references = match (request.names, request.from) {
        ([], Some(from)) => vec![from.to_owned()],
        ([], None) => {
            return Err(StoreError::new(
                "no secret is named",
                "name secrets, or an item with `--from VAULT/ITEM`",
            ));
        }
        _ => request.prefixed(),
    };
    let is_whole = request.names.is_empty();
    let mut found = Found::new();
    for (vault, item, fields) in items(&references, (!is_whole).then_some(PASSWORD))? {
        let labels: Vec<String> = fields
            .iter()
            .map(|field| format!("label={field}"))
            .collect();
        let labels = labels.join(",");
        let mut arguments = vec![
            "item",
            "get",
            item.as_str(),
            "--vault",
            vault.as_str(),
            "--format",
            "json",
            "--account",
            account,
        ];
        if !fields.is_empty() {
            arguments.extend(["--fields", labels.as_str()]);
        }
        let printed = OP.json(&arguments, &session)?;
        let unexpected = || OP.unexpected(&arguments);
        let one = [printed];
        let all = match &one[0] {
            Value::Array(all) => all.as_slice(),
            Value::Object(item) if is_whole => {
                let fields = item.get("fields").and_then(Value::as_array);
                fields.ok_or_else(unexpected)?
            }
            _ => &one,
        };
        for field in all {
            let reference = text_of(field, "reference");
            match (reference, text_of(field, "value")) {
                (Some(reference), Some(value)) => found.push((name_of(&reference), value)),
                _ if is_whole => {}
                _ => return Err(unexpected()),
            }
        }
    }
    Ok(found)
}

/// Logs in if that is needed. Returns the variable that the session is in; none if the app or a token logs in.
fn log_in(account: &str) -> Result<Secrets, StoreError> {
    if OP.succeeds(&["account", "get", "--account", account])? {
        return Ok(Secrets::new());
    }
    let printed = OP.run(
        &["signin", "--account", account, "--force"],
        &Secrets::new(),
    )?;
    let line = printed
        .lines()
        .find_map(|line| line.trim().strip_prefix("export "));
    let session = line.and_then(|line| line.split_once('='));
    let session =
        session.map(|(name, value)| (name.to_owned(), Secret::new(value.trim_matches('"'))));
    Ok(session.into_iter().collect())
}

/// Returns the items of references with their fields, in order: one call each. A reference without a field is to `default`.
fn items(
    references: &[String],
    default: Option<&str>,
) -> Result<Vec<(String, String, Vec<String>)>, StoreError> {
    let mut items: Vec<(String, String, Vec<String>)> = Vec::new();
    for reference in references {
        let reference = reference.strip_prefix("op://").unwrap_or(reference);
        let mut parts = reference.split('/');
        let (Some(vault), Some(item)) = (parts.next(), parts.next()) else {
            let message = format!("`{reference}` is not the name of a field");
            return Err(StoreError::new(
                message,
                "write VAULT/ITEM/FIELD, or a part of it as `--from`",
            ));
        };
        let field = parts.collect::<Vec<_>>().join(".");
        let known = items
            .iter()
            .position(|(of, name, _)| of == vault && name == item);
        let at = known.unwrap_or_else(|| {
            items.push((vault.to_owned(), item.to_owned(), Vec::new()));
            items.len() - 1
        });
        match field.as_str() {
            "" => items[at].2.extend(default.map(str::to_owned)),
            _ => items[at].2.push(field),
        }
    }
    Ok(items)
}

/// Returns the name of a field by its reference, as Kamal has it.
fn name_of(reference: &str) -> String {
    let name = reference.strip_prefix("op://").unwrap_or(reference);
    name.strip_suffix("/password").unwrap_or(name).to_owned()
}
