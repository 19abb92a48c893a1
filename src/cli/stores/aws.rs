//! AWS Secrets Manager: secrets, and the keys of those that are JSON objects as `SECRET/KEY`.

use serde_json::{Map, Value};

use super::call::{Program, StoreError, text_of};
use super::request::{Found, Request};
use crate::secret::Secrets;

const AWS: Program<'static> = Program {
    name: "aws",
    store: Some("AWS Secrets Manager"),
    get: "install the AWS CLI: https://aws.amazon.com/cli",
};

/// Returns the secrets that are asked for, with one call. The account is a profile of the CLI.
pub(super) fn fetch(request: &Request<'_>) -> Result<Found, StoreError> {
    let names = request.prefixed();
    let mut arguments = vec![
        "secretsmanager",
        "batch-get-secret-value",
        "--secret-id-list",
    ];
    arguments.extend(names.iter().map(String::as_str));
    arguments.extend(
        request
            .account
            .iter()
            .flat_map(|profile| ["--profile", *profile]),
    );
    arguments.extend(["--output", "json"]);
    let json = AWS.json(&arguments, &Secrets::new())?;
    let errors = json.get("Errors").and_then(Value::as_array);
    if let Some(error) = errors.and_then(|errors| errors.first()) {
        let [id, why] =
            ["SecretId", "Message"].map(|field| text_of(error, field).unwrap_or_default());
        let message = format!("AWS Secrets Manager refuses {id}: {why}");
        return Err(StoreError::new(
            message,
            "check its name, the region, and the rights of the profile",
        ));
    }
    let values = json.get("SecretValues").and_then(Value::as_array);
    let values = values.ok_or_else(|| AWS.unexpected(&arguments))?;
    let mut found = Found::new();
    for value in values {
        let pair = text_of(value, "Name").zip(text_of(value, "SecretString"));
        let (name, text) = pair.ok_or_else(|| AWS.unexpected(&arguments))?;
        match serde_json::from_str::<Map<String, Value>>(&text) {
            Err(_) => found.push((name, text)),
            Ok(object) => found.extend(object.into_iter().map(|(key, value)| {
                let value = match value {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                (format!("{name}/{key}"), value)
            })),
        }
    }
    Ok(found)
}
