//! The project in the current directory: its configuration, and the values of its secrets.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::environment;
use super::execution::Execution;
use super::failure::Failure;
use super::options::ProjectOptions;
use super::output;
use super::secret_commands::{self, CommandRunner};
use super::ssh_keys;
use crate::apply::preflight;
use crate::config::model::Config;
use crate::config::secrets_files::{Lookup, Origins, SecretSources, SecretsFiles};
use crate::config::{self, Loaded, secrets};
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::plan::{self, Operation, OperationKind};
use crate::redaction::Redactor;
use crate::repository;
use crate::secret::Secrets;

/// The project that an alias was found in, and how it was read, until the command of the alias reads it: templates are evaluated once.
static KEPT: Mutex<Option<(ProjectOptions, Execution, Project)>> = Mutex::new(None);

/// A configuration, and the secrets that an operation needs.
pub struct Project {
    loaded: Loaded,
    /// The options by which it was read.
    options: ProjectOptions,
    /// The values of secrets, by name; empty until they are read.
    pub secrets: Secrets,
    /// The values that those of old containers are compared with before a rollback, as far as they are set here.
    known: Secrets,
    /// The values that templates took from variables whose names look like those of credentials.
    pub taken: Secrets,
    /// What secrets are taken from; its environment is what templates of accessories see. Empty until secrets are read.
    sources: SecretSources,
}

impl Project {
    /// Reads the configuration and prints its warnings. Its templates see the environment that secrets are taken from, unless
    /// `execution` forbids it.
    pub fn load(options: &ProjectOptions, execution: &Execution) -> Result<Self, Failure> {
        let kept = KEPT.lock().ok().and_then(|mut kept| kept.take());
        let project = match kept {
            Some((same, as_now, project)) if same == *options && as_now == *execution => project,
            _ => Self::look_up(options, execution)?,
        };
        output::print_diagnostics(&project.loaded.warnings);
        Ok(project)
    }

    /// Reads the configuration, and prints nothing of it.
    pub fn look_up(options: &ProjectOptions, execution: &Execution) -> Result<Self, Failure> {
        let mut machine = execution.machine(options)?;
        let loaded = config::load(
            &options.config,
            options.destination.as_deref(),
            &mut machine,
        )
        .map_err(|diagnostics| Failure::of(ExitCode::Configuration, diagnostics))?;
        Ok(Self {
            loaded,
            options: options.clone(),
            secrets: Secrets::new(),
            known: Secrets::new(),
            taken: machine.into_taken(),
            sources: SecretSources::default(),
        })
    }

    /// Keeps the project for the command that reads it next.
    pub fn keep(self, options: &ProjectOptions, execution: &Execution) {
        if let Ok(mut kept) = KEPT.lock() {
            *kept = Some((options.clone(), execution.clone(), self));
        }
    }

    /// Returns the configuration with what is known of its files.
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// Returns the texts of the configuration's templates without their tags.
    pub fn written(&self) -> &[String] {
        &self.loaded.written
    }

    /// Reads the values of the secrets that `operation` needs.
    pub fn read_secrets(
        &mut self,
        options: &ProjectOptions,
        operation: &Operation,
    ) -> Result<(), Failure> {
        let names = secret_names(self.config(), operation);
        self.sources = self.read_sources(options)?;
        self.secrets = self.resolve(&names, &self.sources)?;
        if let OperationKind::Rollback(_) = operation.kind {
            self.known = self.known_secrets(options);
        }
        let empty = secrets::empty_values(&names, &self.secrets, &self.loaded.places);
        output::print_diagnostics(&empty);
        Ok(())
    }

    /// Reads who else uses the accessories that `operation` removes: the files of the other destinations tell.
    pub fn read_sharers(
        &mut self,
        options: &ProjectOptions,
        (operation, execution): (&Operation, &Execution),
    ) {
        if operation.kind.removes_accessories() {
            let config = &mut self.loaded.config;
            let machine = |destination: Option<&str>| execution.machine_of(destination);
            config.sharers = config::read_sharers(config, &options.config, machine);
        }
    }

    /// Returns the values that those of containers are compared with.
    pub fn compared(&self) -> &Secrets {
        match self.secrets.is_empty() {
            true => &self.known,
            false => &self.secrets,
        }
    }

    /// Returns what redacts the text of hosts: by the secrets that are set here, none of which has to be.
    pub fn redactor(&self, options: &ProjectOptions, execution: &Execution) -> Redactor {
        match execution {
            Execution::Allowed => Redactor::new(&self.known_secrets(options)),
            Execution::Forbidden(_) => Redactor::new(&Secrets::new()),
        }
    }

    /// Returns the values of these secrets. Fails with all that are missing.
    pub fn secrets_of(
        &self,
        options: &ProjectOptions,
        names: &secrets::Names,
    ) -> Result<Secrets, Failure> {
        let sources = self.read_sources(options)?;
        let all = names.keys().cloned().collect();
        let read = sources.read(&all, &mut CommandRunner);
        read.map_err(|problem| Failure::of(ExitCode::Configuration, vec![problem]))?;
        self.resolve(names, &sources)
    }

    /// Returns every name of the secrets files with its value. Their commands are run.
    pub fn all_of_files(&self, options: &ProjectOptions) -> Result<Secrets, Failure> {
        let sources = self.read_sources(options)?;
        let names: BTreeSet<String> = sources
            .files()
            .names()
            .into_iter()
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            let help = "write .mrsk/secrets or .kamal/secrets; values of .env are not among them";
            let message = "no secrets file defines a name";
            return Err(Failure::new(ExitCode::Configuration, message).help(help));
        }
        let failed = |problem| Failure::of(ExitCode::Configuration, vec![problem]);
        sources.read(&names, &mut CommandRunner).map_err(failed)?;
        let mut found = Secrets::new();
        for name in names {
            match sources.lookup(&name) {
                Lookup::Known(secret) => drop(found.insert(name, secret)),
                Lookup::Unresolved(problem) => return Err(failed(problem)),
                Lookup::Late | Lookup::Unset => {}
            }
        }
        Ok(found)
    }

    /// Returns the keys that ssh shows hosts beside those of files, by the names of their secrets.
    pub fn ssh_keys(&self) -> Result<Secrets, Failure> {
        let names = &self.config().ssh.key_data;
        if names.is_empty() {
            return Ok(Secrets::new());
        }
        let sources = self.read_sources(&self.options)?;
        ssh_keys::read(names, |name| secret_commands::value(&sources, name))
    }

    /// Reads what secrets are taken from.
    fn read_sources(&self, options: &ProjectOptions) -> Result<SecretSources, Failure> {
        let destination = options.destination.as_deref();
        let failed = |problems| Failure::of(ExitCode::Configuration, problems);
        let environment =
            environment::load(options.env_file.as_deref(), destination).map_err(failed)?;
        let path = self.config().secrets_files.path.as_deref();
        let files = SecretsFiles::read(path, destination).map_err(failed)?;
        Ok(SecretSources::new(environment, files))
    }

    /// Reads the secrets files, so that a plan can name them and their commands. No value of them is used.
    pub fn read_origins(&mut self, options: &ProjectOptions) -> Result<(), Failure> {
        let destination = options.destination.as_deref();
        let origins = &mut self.loaded.config.secrets_files;
        let files = SecretsFiles::read(origins.path.as_deref(), destination)
            .map_err(|problems| Failure::of(ExitCode::Configuration, problems))?;
        output::print_diagnostics(&files.warnings());
        *origins = Origins::of(origins.path.take(), &files);
        Ok(())
    }

    fn resolve(&self, names: &secrets::Names, sources: &SecretSources) -> Result<Secrets, Failure> {
        let (literal, places) = (&self.loaded.literal_secrets, &self.loaded.places);
        secrets::resolve_names(names, self.config(), sources, literal, places)
            .map_err(|diagnostics| Failure::of(ExitCode::Configuration, diagnostics))
    }

    /// Returns the values of the secrets of the configuration that are set here: what hosts print is redacted by them.
    pub fn known_secrets(&self, options: &ProjectOptions) -> Secrets {
        let config = self.config();
        let destination = options.destination.as_deref();
        let environment = environment::load(options.env_file.as_deref(), destination);
        let files = SecretsFiles::read(config.secrets_files.path.as_deref(), destination);
        let sources =
            SecretSources::new(environment.unwrap_or_default(), files.unwrap_or_default());
        let mut names = secrets::secret_names(config);
        names.extend(secrets::accessory_secret_names(config, &config.accessories));
        let mut known = self.loaded.literal_secrets.clone();
        known.extend(self.taken.clone());
        known.extend(names.keys().filter_map(|name| match sources.lookup(name) {
            Lookup::Known(secret) => Some((name.clone(), secret)),
            Lookup::Late | Lookup::Unset | Lookup::Unresolved(_) => None,
        }));
        known
    }

    /// Adds to problems with labels and arguments of Traefik the places where the configuration has them.
    pub fn locate(&self, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut located = Vec::new();
        for problem in problems {
            let about = problem.about.as_ref();
            match about.and_then(|name| self.loaded.routing.get(&**name)) {
                Some(places) => {
                    located.extend(places.iter().map(|place| problem.clone().at(place.clone())));
                }
                None => located.push(problem),
            }
        }
        let files: BTreeSet<String> = located
            .iter()
            .filter_map(|problem| Some(problem.place.as_ref()?.file.clone()))
            .collect();
        for file in files {
            if let Some(text) = repository::source(&file) {
                config::hide_secret_lines(&file, &text, &mut located);
            }
        }
        located.sort_by(|left, right| left.place.cmp(&right.place));
        located
    }
}

/// Returns the names of the secrets that `operation` needs, with their purposes.
fn secret_names(config: &Config, operation: &Operation) -> secrets::Names {
    if operation.kind == OperationKind::RegistryLogin {
        return secrets::login_secret_names(config);
    }
    if let OperationKind::Build(verb) = &operation.kind {
        return match verb.release() {
            Some(_) => secrets::image_secret_names(config),
            None => secrets::Names::new(),
        };
    }
    let is_fresh = matches!(
        &operation.kind,
        OperationKind::Rollback(rollback) if rollback.environment == plan::Environment::Fresh
    );
    if is_fresh {
        let mut names = secrets::secret_names(config);
        let is_of_role = |purpose: &secrets::Purpose| matches!(purpose, secrets::Purpose::Role(_));
        names.retain(|_, purposes| purposes.iter().any(is_of_role));
        return names;
    }
    // What exists already is started again as it is.
    if !operation.deploys() && operation.kind.booted().is_none() {
        return secrets::Names::new();
    }
    let accessories = config.accessories.iter();
    let booted = accessories.filter(|accessory| operation.boots(accessory));
    let mut names = secrets::accessory_secret_names(config, booted);
    if operation.deploys() {
        for (name, purposes) in secrets::secret_names(config) {
            names.entry(name).or_default().extend(purposes);
        }
    }
    names
}

impl preflight::Environment for Project {
    fn value(&self, name: &str) -> preflight::Value {
        match self.secrets.get(name) {
            Some(secret) => preflight::Value::Known(secret.clone()),
            None => secret_commands::value(&self.sources, name),
        }
    }

    fn read(&self, names: &BTreeSet<String>) -> Result<(), Diagnostic> {
        self.sources.read(names, &mut CommandRunner)
    }

    fn render(&self, path: &str, template: &str, own: &Secrets) -> Result<String, Vec<Diagnostic>> {
        self.sources.environment().render(path, template, own)
    }
}
