//! Which variables of the environment a configuration refers to, and their values.

use std::collections::{BTreeMap, BTreeSet};

use super::decoder::Places;
use super::dotenv;
use super::model::{Accessory, Certificate, Config, Credentials, Env, Value};
use super::secrets_files::{Lookup, SecretSources};
use super::values::texts::{MAX_ARGUMENT, argument_length};
use crate::diagnostic::Diagnostic;
use crate::name::RoleName;
use crate::secret::Secrets;

/// What a variable of the environment is needed for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The user name of the registry.
    RegistryUsername,
    /// The password of the registry.
    RegistryPassword,
    /// A build secret.
    Build,
    /// A secret of hooks.
    Hook,
    /// A secret variable of a role's containers.
    Role(RoleName),
    /// A certificate of a role, or its key, in PEM form.
    Certificate(RoleName),
    /// A secret variable of Traefik's containers.
    Traefik,
    /// A secret variable of an accessory's containers.
    Accessory(String),
}

/// What begins the text of a certificate, and that of a key.
const PEM: &str = "-----BEGIN ";

/// Variables by name, with what each is needed for.
pub type Names = BTreeMap<String, BTreeSet<Purpose>>;

/// Returns every variable of the environment that operations on the app refer to, and what for. Those of accessories are not among
/// them: a deploy leaves accessories alone, and whoever deploys need not know the password of a database's root.
pub fn secret_names(config: &Config) -> Names {
    let mut names = image_secret_names(config);
    for name in &config.hooks.secrets {
        add(&mut names, name, Purpose::Hook);
    }
    let routed = config.roles.iter().any(|role| role.traefik);
    for variable in config.traefik.env.secret.iter().filter(|_| routed) {
        add(&mut names, &variable.secret, Purpose::Traefik);
    }
    for role in &config.roles {
        for variable in role.envs().into_iter().flat_map(|env| &env.secret) {
            let purpose = Purpose::Role(role.name.clone());
            add(&mut names, &variable.secret, purpose);
        }
        let certificate = role.proxy.certificate.iter();
        for name in certificate.flat_map(Certificate::secret_names) {
            add(&mut names, &name, Purpose::Certificate(role.name.clone()));
        }
    }
    names
}

/// Returns every variable of the environment that the image is built, pushed and pulled with.
pub fn image_secret_names(config: &Config) -> Names {
    let mut names = registry_names(config);
    for name in config.builder.secret_names() {
        add(&mut names, &name, Purpose::Build);
    }
    names
}

/// Returns every variable of the environment that booting `accessories` needs: their own, and those of the registry if it has one of
/// their images. An operation that boots accessories beside the app needs those of [`secret_names`] as well.
pub fn accessory_secret_names<'a>(
    config: &Config,
    accessories: impl IntoIterator<Item = &'a Accessory>,
) -> Names {
    let mut names = Names::new();
    for accessory in accessories {
        if server_of(&accessory.image) == config.registry.server.as_deref() {
            for (name, purposes) in login_secret_names(config) {
                names.entry(name).or_default().extend(purposes);
            }
        }
        for variable in &accessory.env.secret {
            let purpose = Purpose::Accessory(accessory.name.clone());
            add(&mut names, &variable.secret, purpose);
        }
    }
    names
}

/// Returns the server in the reference of an image; `None` if it is Docker Hub.
pub fn server_of(image: &str) -> Option<&str> {
    let (first, _) = image.split_once('/')?;
    (first.contains(['.', ':']) || first == "localhost").then_some(first)
}

/// Returns the secrets of an environment.
pub fn env_secret_names(env: &Env, purpose: &Purpose) -> Names {
    let mut names = Names::new();
    for variable in &env.secret {
        add(&mut names, &variable.secret, purpose.clone());
    }
    names
}

/// Returns every variable of the environment that hosts log in to the registry with.
pub fn login_secret_names(config: &Config) -> Names {
    names_of(config.registry.pull_credentials())
}

fn registry_names(config: &Config) -> Names {
    let registry = &config.registry;
    let credentials = [registry.push_credentials(), registry.pull_credentials()];
    names_of(credentials.into_iter().flatten())
}

fn names_of(all: impl IntoIterator<Item = Credentials>) -> Names {
    let mut names = Names::new();
    for credentials in all {
        if let Value::FromEnv(name) = &credentials.username {
            add(&mut names, name, Purpose::RegistryUsername);
        }
        add(&mut names, &credentials.password, Purpose::RegistryPassword);
    }
    names
}

fn add(names: &mut Names, name: &str, purpose: Purpose) {
    names.entry(name.to_owned()).or_default().insert(purpose);
}

/// Looks up `names`: in `literal` (secrets that stand in the file), then in `sources`. `places` says where the file refers to
/// them. What a command prints that has not been run is left out.
///
/// # Errors
/// All that are missing or cannot be handed to a process, each once for every place that refers to it.
pub fn resolve_names(
    names: &Names,
    config: &Config,
    sources: &SecretSources,
    literal: &Secrets,
    places: &Places,
) -> Result<Secrets, Vec<Diagnostic>> {
    let mut secrets = Secrets::new();
    let mut problems = Vec::new();
    let file = dotenv::files_shown(config.destination.as_deref());
    for (name, purposes) in names {
        let found = match (literal.get(name), sources.lookup(name)) {
            (Some(secret), _) => Some(secret.clone()),
            (None, Lookup::Known(secret)) => Some(secret),
            (None, Lookup::Unset) => None,
            (None, Lookup::Late) => continue,
            (None, Lookup::Unresolved(mut problem)) => {
                problem.message = format!("secret `{name}` has no value: {}", problem.message);
                problems.push(problem);
                continue;
            }
        };
        let add = format!("add `{name}=…` to {file}, or set it in the environment");
        let encode = "environment variables cannot contain NUL: encode the value".to_owned();
        let (problem, help) = match found {
            None => ("is not set", add),
            Some(secret) if secret.reveal().contains('\0') => ("contains a NUL byte", encode),
            Some(secret) if argument_length(name, secret.reveal()) > MAX_ARGUMENT => {
                let help = "Linux passes at most 128 KiB in one variable: put it into a file, and mount that";
                ("is too long", help.to_owned())
            }
            Some(secret) if secret.reveal().is_empty() && logs_in(purposes) => {
                ("is empty, but the registry login needs it", add)
            }
            Some(secret) if is_certificate(purposes) && !secret.reveal().contains(PEM) => {
                let help = "`proxy.ssl` names a certificate and its key: set the text that begins with `-----BEGIN`";
                ("is not in PEM form", help.to_owned())
            }
            Some(secret) => {
                secrets.insert(name.clone(), secret);
                continue;
            }
        };
        let error = Diagnostic::error(format!("secret `{name}` {problem}")).help(help);
        match places.get(name) {
            Some(places) if !places.is_empty() => {
                problems.extend(places.iter().map(|place| error.clone().at(place.clone())));
            }
            _ => problems.push(error),
        }
    }
    problems.sort_by(|left, right| left.place.cmp(&right.place));
    match problems.is_empty() {
        true => Ok(secrets),
        false => Err(problems),
    }
}

/// Returns a warning of each of `names` whose value is empty.
pub fn empty_values(names: &Names, secrets: &Secrets, places: &Places) -> Vec<Diagnostic> {
    let is_empty = |name: &&String| {
        let secret = secrets.get(*name);
        secret.is_some_and(|secret| secret.reveal().is_empty())
    };
    let warnings = names.keys().filter(is_empty).map(|name| {
        let warning = Diagnostic::warning(format!("secret `{name}` is empty"))
            .help("set its value, or remove it from `secret`");
        match places.get(name).and_then(|places| places.first()) {
            Some(place) => warning.at(place.clone()).hide_source(),
            None => warning,
        }
    });
    warnings.collect()
}

/// Whether Traefik reads it as a file of a certificate.
fn is_certificate(purposes: &BTreeSet<Purpose>) -> bool {
    let mut purposes = purposes.iter();
    purposes.any(|purpose| matches!(purpose, Purpose::Certificate(_)))
}

/// Whether a login depends on it. For a container's variable, an empty value is a value.
fn logs_in(purposes: &BTreeSet<Purpose>) -> bool {
    purposes.contains(&Purpose::RegistryPassword) || purposes.contains(&Purpose::RegistryUsername)
}
