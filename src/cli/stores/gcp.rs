//! GCP Secret Manager: `SECRET`, `PROJECT/SECRET` or `PROJECT/SECRET/VERSION`, all but the version in the name of the result.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

use super::call::{Program, StoreError};
use super::request::{Found, Request};
use crate::secret::Secrets;

const GCLOUD: Program<'static> = Program {
    name: "gcloud",
    store: Some("GCP Secret Manager"),
    get: "install the Google Cloud CLI: https://cloud.google.com/sdk/docs/install",
};

/// Stands for the project or the account that `gcloud` is set to.
const DEFAULT: &str = "default";

/// Returns the secrets that are asked for, with one call each: `gcloud` gives no more at once. The account is `USER`, a service account that
/// is impersonated, or `USER|SERVICE_ACCOUNT`.
pub(super) fn fetch(request: &Request<'_>) -> Result<Found, StoreError> {
    let none = Secrets::new();
    let accounts = GCLOUD.json(&["auth", "list", "--format=json"], &none)?;
    if accounts.as_array().is_none_or(Vec::is_empty) {
        GCLOUD.run(&["auth", "login"], &none)?;
    }
    let account = account_options(request.account.unwrap_or(DEFAULT));
    let mut found = Found::new();
    for name in request.prefixed() {
        let parts: Vec<&str> = name.split('/').collect();
        let (project, secret, version) = match parts[..] {
            [secret] => (DEFAULT, secret, "latest"),
            [project, secret] => (project, secret, "latest"),
            [project, secret, version, ..] => (project, secret, version),
            [] => continue,
        };
        let of_secret = format!("--secret={secret}");
        let of_project = format!("--project={project}");
        let mut arguments = vec!["secrets", "versions", "access", version, of_secret.as_str()];
        arguments.extend((project != DEFAULT).then_some(of_project.as_str()));
        arguments.extend(account.iter().map(String::as_str));
        arguments.push("--format=json");
        let json = GCLOUD.json(&arguments, &none)?;
        let data = json.pointer("/payload/data").and_then(Value::as_str);
        let value = data
            .and_then(decoded)
            .ok_or_else(|| GCLOUD.unexpected(&arguments))?;
        found.push((format!("{project}/{secret}"), value));
    }
    Ok(found)
}

fn account_options(account: &str) -> Vec<String> {
    let (user, service) = match account.split_once('|') {
        Some((user, service)) => (user, Some(service)),
        None if account.ends_with(".gserviceaccount.com") => (DEFAULT, Some(account)),
        None => (account, None),
    };
    let user = (user != DEFAULT).then(|| format!("--account={user}"));
    let service = service.map(|service| format!("--impersonate-service-account={service}"));
    user.into_iter().chain(service).collect()
}

/// Returns what base64 of either alphabet stands for.
fn decoded(data: &str) -> Option<String> {
    let bytes = STANDARD.decode(data).or_else(|_| URL_SAFE.decode(data));
    String::from_utf8(bytes.ok()?).ok()
}
