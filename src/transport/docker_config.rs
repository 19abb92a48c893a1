//! Docker's configuration: the user's, and one of mrsk's own that is derived from it for as long as a run lives.
//!
//! A login in the user's own would stay there, and `docker login` hands it to the user's credential store. So docker gets
//! `DOCKER_CONFIG` with a directory (mode 0700) in which everything is the user's (other logins, credential helpers,
//! plugins, contexts, builders, proxies) but the login at one registry.
//!
//! The format of config.json is that of <https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties>.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::temporary::Temporary;
use crate::secret::Secret;

const FILE: &str = "config.json";

/// A login at a registry.
pub struct Login<'a> {
    /// The name under which docker keeps it: the registry's server, or Docker Hub's address.
    pub registry: &'a str,
    /// User name.
    pub username: &'a str,
    /// Password.
    pub password: &'a Secret,
}

/// A configuration of mrsk's own. It goes with this value; what a process left that was killed is removed by the next.
pub struct DockerConfig {
    /// It goes with the value.
    _directory: Temporary,
    variables: Vec<(String, OsString)>,
}

/// Why there is no configuration of mrsk's own.
#[derive(Debug, thiserror::Error)]
pub enum DockerConfigError {
    /// The user's cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// The user's is not a JSON object.
    #[error("{} is not valid JSON", path.display())]
    Json {
        /// Its path.
        path: PathBuf,
    },
    /// The directory cannot be made.
    #[error("cannot make a directory for docker's configuration: {0}")]
    Make(#[from] io::Error),
}

impl DockerConfig {
    /// Derives one from the user's in directory `users`, with `login` instead of whatever that has for this registry.
    ///
    /// # Errors
    ///
    /// Fails as [`DockerConfigError`] says.
    pub fn derive(users: &Path, login: &Login) -> Result<Self, DockerConfigError> {
        let mut config = read(&users.join(FILE))?;
        replace_login(&mut config, login);
        let directory = Temporary::new(&std::env::temp_dir())?;
        let own = directory.path().join("docker");
        fs::create_dir(&own)?;
        for entry in fs::read_dir(users).into_iter().flatten().flatten() {
            if entry.file_name() != FILE {
                symlink(
                    fs::canonicalize(users)?.join(entry.file_name()),
                    own.join(entry.file_name()),
                )?;
            }
        }
        let text = Zeroizing::new(Value::Object(config).to_string());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(own.join(FILE))?;
        file.write_all(text.as_bytes())?;
        let mut variables = vec![("DOCKER_CONFIG".to_owned(), own.into())];
        // Builders that are made here are to be found by later runs, also where the user has none yet.
        if std::env::var_os("BUILDX_CONFIG").is_none() {
            variables.push(("BUILDX_CONFIG".to_owned(), users.join("buildx").into()));
        }
        Ok(Self {
            _directory: directory,
            variables,
        })
    }

    /// Returns the variables that a command gets which is to use it.
    pub fn variables(&self) -> &[(String, OsString)] {
        &self.variables
    }
}

/// Returns the directory of the user's configuration.
pub fn users_directory() -> PathBuf {
    let set = std::env::var_os("DOCKER_CONFIG").filter(|path| !path.is_empty());
    set.map(PathBuf::from).unwrap_or_else(|| {
        let home = std::env::var_os("HOME").unwrap_or_default();
        PathBuf::from(home).join(".docker")
    })
}

/// Returns the credential helper that the configuration in `users` names for `registry`.
pub fn credential_helper(users: &Path, registry: &str) -> Option<String> {
    let config = read(&users.join(FILE)).ok()?;
    let helper = config.get("credHelpers")?.get(registry)?.as_str()?;
    (!helper.is_empty()).then(|| helper.to_owned())
}

fn read(path: &Path) -> Result<Map<String, Value>, DockerConfigError> {
    let text = match fs::read(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) => {
            let path = path.to_owned();
            return Err(DockerConfigError::Read { path, error });
        }
    };
    serde_json::from_slice(&text).map_err(|_| DockerConfigError::Json {
        path: path.to_owned(),
    })
}

/// Puts `login` in the place of all that `config` has for its registry. An empty helper keeps docker from asking the user's
/// store, which it would also write to.
fn replace_login(config: &mut Map<String, Value>, login: &Login) {
    let pair = Zeroizing::new(format!("{}:{}", login.username, login.password.reveal()));
    let auth = json!({ "auth": STANDARD.encode(pair.as_bytes()) });
    let wanted = host_of(login.registry);
    change(config, "auths", |auths| {
        auths.retain(|registry, _| host_of(registry) != wanted);
        auths.insert(login.registry.to_owned(), auth);
    });
    let stores = config
        .get("credsStore")
        .is_some_and(|store| store.as_str() != Some(""));
    if stores {
        change(config, "credHelpers", |helpers| {
            helpers.insert(login.registry.to_owned(), json!(""));
        });
    }
}

fn change(config: &mut Map<String, Value>, name: &str, edit: impl FnOnce(&mut Map<String, Value>)) {
    let mut section = match config.remove(name) {
        Some(Value::Object(section)) => section,
        _ => Map::new(),
    };
    edit(&mut section);
    config.insert(name.to_owned(), Value::Object(section));
}

/// Returns the host in the name of a login, which older versions of docker wrote as a URL.
fn host_of(registry: &str) -> &str {
    let (_, rest) = registry.split_once("://").unwrap_or(("", registry));
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn derive(users: &Path, registry: &str) -> (DockerConfig, PathBuf) {
        let password = Secret::new("pass word");
        let login = Login {
            registry,
            username: "robot",
            password: &password,
        };
        let config = DockerConfig::derive(users, &login).unwrap();
        let path = PathBuf::from(&config.variables()[0].1);
        (config, path)
    }

    fn json_of(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path.join(FILE)).unwrap()).unwrap()
    }

    #[test]
    fn what_is_the_users_stays_but_for_one_login() {
        let users = tempfile::tempdir().unwrap();
        let text = json!({
            "auths": {
                "https://r.example:5000/v1/": {"auth": "b2xk"},
                "r.example:5000": {},
                "other.example": {"auth": "eA=="},
            },
            "credsStore": "desktop",
            "credHelpers": {"gcr.io": "gcloud"},
            "proxies": {"default": {"httpProxy": "http://p"}},
            "currentContext": "far",
        });
        fs::write(users.path().join(FILE), text.to_string()).unwrap();
        fs::create_dir(users.path().join("contexts")).unwrap();
        fs::write(users.path().join("contexts/meta"), "x").unwrap();
        let (config, path) = derive(users.path(), "r.example:5000");
        let expected = json!({
            "auths": {
                "other.example": {"auth": "eA=="},
                "r.example:5000": {"auth": "cm9ib3Q6cGFzcyB3b3Jk"},
            },
            "credsStore": "desktop",
            "credHelpers": {"gcr.io": "gcloud", "r.example:5000": ""},
            "proxies": {"default": {"httpProxy": "http://p"}},
            "currentContext": "far",
        });
        assert_eq!(json_of(&path), expected);
        assert_eq!(fs::read(path.join("contexts/meta")).unwrap(), b"x");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path.join(FILE)), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        drop(config);
        assert!(!path.exists());
        assert_eq!(fs::read(users.path().join("contexts/meta")).unwrap(), b"x");
    }

    #[test]
    fn a_user_without_a_configuration_gets_one_with_the_login() {
        let home = tempfile::tempdir().unwrap();
        let hub = "https://index.docker.io/v1/";
        let (_config, path) = derive(&home.path().join(".docker"), hub);
        let auth = json!({"auth": "cm9ib3Q6cGFzcyB3b3Jk"});
        assert_eq!(json_of(&path), json!({"auths": {hub: auth}}));
    }

    #[test]
    fn what_is_not_json_is_told_without_its_text() {
        let users = tempfile::tempdir().unwrap();
        fs::write(users.path().join(FILE), "{\"auths\": hunter2").unwrap();
        let password = Secret::new("p");
        let login = Login {
            registry: "r",
            username: "u",
            password: &password,
        };
        let error = DockerConfig::derive(users.path(), &login).err().unwrap();
        let message = error.to_string();
        assert!(
            message.ends_with("config.json is not valid JSON"),
            "{message}"
        );
    }

    #[test]
    fn a_helper_is_one_that_is_named_for_the_registry() {
        let users = tempfile::tempdir().unwrap();
        let text = json!({"credsStore": "x", "credHelpers": {"a": "ecr-login", "b": ""}});
        fs::write(users.path().join(FILE), text.to_string()).unwrap();
        let helper = |registry| credential_helper(users.path(), registry);
        assert_eq!(helper("a").as_deref(), Some("ecr-login"));
        assert_eq!([helper("b"), helper("c")], [None, None]);
    }
}
