//! What this machine asks the registry, and what it logs in with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::failure::Failure;
use super::output;
use crate::apply::preflight;
use crate::config::model::{Config, Value};
use crate::diagnostic::Diagnostic;
use crate::digest;
use crate::docker::{builder, image};
use crate::exit_code::ExitCode;
use crate::facts::model::{Facts, MAX_BYTES};
use crate::plan::Plan;
use crate::record::Ending;
use crate::secret::Secrets;
use crate::transport::docker_config::{self, DockerConfig, DockerConfigError, Login};
use crate::transport::local::{self, LocalCommand};
use crate::transport::request::Inputs;

/// How long an answer of the registry may take.
const LIMIT: Duration = Duration::from_secs(20);

/// What the registry answered about images, by reference.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Their digests.
    pub digests: BTreeMap<String, String>,
    /// The bytes of their layers, if it told.
    pub bytes: BTreeMap<String, u64>,
}

impl Registry {
    /// Returns what stands in `facts`.
    pub fn of(facts: &Facts) -> Self {
        Self {
            digests: facts.registry.clone(),
            bytes: facts.registry_bytes.clone(),
        }
    }
}

/// Returns docker's configuration for the login that `plan` makes on this machine; `None` without one.
pub fn docker_config(plan: &Plan, inputs: &Inputs) -> Result<Option<Arc<DockerConfig>>, Failure> {
    let login = preflight::login(plan, inputs);
    login.as_ref().map(derive).transpose()
}

fn derive(login: &Login) -> Result<Arc<DockerConfig>, Failure> {
    let derived = DockerConfig::derive(&docker_config::users_directory(), login);
    derived.map(Arc::new).map_err(|error| {
        let help = match error {
            DockerConfigError::Make(_) => "make room, or set TMPDIR to a directory of yours",
            _ => "correct it, or set DOCKER_CONFIG to another directory",
        };
        let diagnostic = Diagnostic::error(error.to_string()).help(help);
        Failure::of(ExitCode::Configuration, vec![diagnostic])
    })
}

/// Returns the credential helper that docker has on this machine for the registry of `config`.
pub fn credential_helper(config: &Config) -> Option<String> {
    let name = image::login_name(config.registry.server.as_deref());
    docker_config::credential_helper(&docker_config::users_directory(), name)
}

/// Returns the digest and the size of the image of `version`, if the registry answers. Asked with what pushes; without its password, with
/// what the user is logged in with.
pub async fn digests(
    config: &Config,
    secrets: &Secrets,
    version: &str,
) -> Result<Registry, Failure> {
    let questions = Questions {
        docker_config: own_config(config, secrets)?,
    };
    let reference = image::reference(config, version);
    let mut manifest = questions.ask(image::manifest(&reference)).await;
    if manifest.is_none()
        && let Some(server) = &config.registry.server
        && questions.is_insecure(server).await
    {
        let message = format!("the registry {server} is asked without a check of its certificate");
        let help = "docker lists it as insecure; give it a certificate that is valid";
        output::print_diagnostics(&[Diagnostic::warning(message).help(help)]);
        manifest = questions.ask(image::insecure_manifest(&reference)).await;
    }
    let Some(manifest) = manifest else {
        return Ok(Registry::default());
    };
    let digest = match image::digest_of_manifest(&manifest) {
        Some(digest) => Some(digest),
        None => {
            let answer = questions.ask(builder::digest(&reference)).await;
            let answer = answer.unwrap_or_default();
            digest::digits(answer.trim()).map(digest::prefixed)
        }
    };
    let Some(digest) = digest else {
        return Ok(Registry::default());
    };
    let bytes = image::bytes_of_manifest(&manifest).filter(|bytes| *bytes <= MAX_BYTES);
    Ok(Registry {
        bytes: bytes
            .map(|bytes| (reference.clone(), bytes))
            .into_iter()
            .collect(),
        digests: [(reference, digest)].into(),
    })
}

/// Returns whether the registry has the image `reference`; `None` if it cannot be asked from here.
pub async fn gives(
    config: &Config,
    secrets: &Secrets,
    reference: &str,
) -> Result<Option<bool>, Failure> {
    let questions = Questions {
        docker_config: own_config(config, secrets)?,
    };
    let answer = questions.answer(image::manifest(reference)).await;
    Ok(answer.and_then(|(ending, output)| match ending {
        Ending::Succeeded => Some(true),
        _ => image::is_unknown(&output).then_some(false),
    }))
}

fn own_config(config: &Config, secrets: &Secrets) -> Result<Option<Arc<DockerConfig>>, Failure> {
    let Some(credentials) = config.registry.push_credentials() else {
        return Ok(None);
    };
    let username = match &credentials.username {
        Value::Literal(text) => Some(text.as_str()),
        Value::FromEnv(name) => secrets.get(name).map(crate::secret::Secret::reveal),
    };
    let (Some(username), Some(password)) = (username, secrets.get(&credentials.password)) else {
        return Ok(None);
    };
    if credential_helper(config).is_some() {
        return Ok(None);
    }
    let login = Login {
        registry: image::login_name(config.registry.server.as_deref()),
        username,
        password,
    };
    derive(&login).map(Some)
}

/// Asks docker on this machine.
struct Questions {
    docker_config: Option<Arc<DockerConfig>>,
}

impl Questions {
    /// Returns what a command printed, if it succeeded.
    async fn ask(&self, argv: Vec<String>) -> Option<String> {
        let (ending, output) = self.answer(argv).await?;
        (ending == Ending::Succeeded).then_some(output)
    }

    /// Returns how a command ended and what it printed: all of it, or if it failed the end; `None` if it could not be run.
    async fn answer(&self, argv: Vec<String>) -> Option<(Ending, String)> {
        let config = self.docker_config.as_deref();
        let command = LocalCommand {
            argv,
            variables: config.map_or_else(Vec::new, |config| config.variables().to_vec()),
            timeout: Some(LIMIT),
            ..LocalCommand::default()
        };
        let outcome = local::run(&command, |_| {}).await.ok()?;
        Some(match outcome.ending {
            Ending::Succeeded => (Ending::Succeeded, outcome.stdout),
            ending => (ending, outcome.tail),
        })
    }

    /// Returns whether the engine lists `server` among those that it does not check.
    async fn is_insecure(&self, server: &str) -> bool {
        let answer = self.ask(image::insecure_registries()).await;
        answer.is_some_and(|answer| image::is_insecure(&answer, server))
    }
}
