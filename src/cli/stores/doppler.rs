//! Doppler: secrets of a project's configuration, `--from PROJECT/CONFIG`.

use serde_json::Value;

use super::call::{Program, StoreError, text_of};
use super::request::{Found, Request};
use crate::secret::Secrets;

const DOPPLER: Program<'static> = Program {
    name: "doppler",
    store: Some("Doppler"),
    get: "install the Doppler CLI: https://docs.doppler.com/docs/install-cli",
};

/// What a token begins with that is for one configuration.
const OF_CONFIG: &str = "dp.st";

/// Returns the secrets that are asked for, with one call.
pub(super) fn fetch(request: &Request<'_>) -> Result<Found, StoreError> {
    if !DOPPLER.succeeds(&["me", "--json"])? {
        DOPPLER.run(&["login", "-y"], &Secrets::new())?;
    }
    let prefixed = request.prefixed();
    let names = prefixed.iter().filter_map(|name| name.rsplit('/').next());
    let mut arguments = vec!["secrets", "get"];
    arguments.extend(names);
    arguments.push("--json");
    let has_token = std::env::var("DOPPLER_TOKEN").is_ok_and(|token| token.starts_with(OF_CONFIG));
    if !has_token {
        let mut parts = prefixed
            .first()
            .into_iter()
            .flat_map(|name| name.split('/'));
        let (Some(project), Some(config), Some(_)) = (parts.next(), parts.next(), parts.next())
        else {
            let help = "add `--from PROJECT/CONFIG`, or set DOPPLER_TOKEN to a service token";
            return Err(StoreError::new(
                "no project and configuration of Doppler is named",
                help,
            ));
        };
        arguments.extend(["-p", project, "-c", config]);
    }
    let json = DOPPLER.json(&arguments, &Secrets::new())?;
    let all = json
        .as_object()
        .ok_or_else(|| DOPPLER.unexpected(&arguments))?;
    let pair = |(name, value): (&String, &Value)| Some((name.clone(), text_of(value, "computed")?));
    Ok(all.iter().filter_map(pair).collect())
}
