//! Bitwarden Secrets Manager: secrets by their ids, `all`, or `PROJECT/all`.

use serde_json::Value;

use super::call::{Program, StoreError, text_of};
use super::request::{Found, Request};
use crate::secret::Secrets;

const BWS: Program<'static> = Program {
    name: "bws",
    store: Some("Bitwarden Secrets Manager"),
    get: "install the Secrets Manager CLI: https://bitwarden.com/help/secrets-manager-cli; it logs in by BWS_ACCESS_TOKEN",
};

/// Returns the secrets that are asked for; those of a project with one call.
pub(super) fn fetch(request: &Request<'_>) -> Result<Found, StoreError> {
    let names = request.prefixed();
    let list = match names.as_slice() {
        [] => {
            return Err(StoreError::new(
                "no secret is named",
                "name ids of secrets, `all`, or `PROJECT/all`",
            ));
        }
        [all] if all == "all" => Some(vec!["secret", "list"]),
        [one] => one
            .strip_suffix("/all")
            .map(|project| vec!["secret", "list", project]),
        _ => None,
    };
    if let Some(arguments) = list {
        let json = BWS.json(&arguments, &Secrets::new())?;
        let all = json.as_array().ok_or_else(|| BWS.unexpected(&arguments))?;
        return all.iter().map(|secret| pair(secret, &arguments)).collect();
    }
    let get = |id: &String| {
        let arguments = ["secret", "get", id.as_str()];
        pair(&BWS.json(&arguments, &Secrets::new())?, &arguments)
    };
    names.iter().map(get).collect()
}

fn pair(secret: &Value, arguments: &[&str]) -> Result<(String, String), StoreError> {
    let pair = text_of(secret, "key").zip(text_of(secret, "value"));
    pair.ok_or_else(|| BWS.unexpected(arguments))
}
