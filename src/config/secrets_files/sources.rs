//! What secrets are taken from: secrets files, else the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use super::files::SecretsFiles;
use super::parse::{Command, Part};
use crate::config::dotenv::Environment;
use crate::diagnostic::Diagnostic;
use crate::digest;
use crate::secret::{Secret, Secrets};

/// The longest value, in bytes.
const MAX_VALUE: usize = 1 << 20;

/// Runs the commands of secrets files.
pub trait Runner {
    /// Returns what `command` prints, which sees `variables` in its environment.
    ///
    /// # Errors
    /// Why it has printed nothing that could be a value, and what to do about it. Nothing of what it printed is in it.
    fn run(&mut self, command: &Command, variables: &Secrets) -> Result<Secret, (String, String)>;
}

/// The value of a name, as far as it is known.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// It is this.
    Known(Secret),
    /// A command prints it that has not been run.
    Late,
    /// Nothing gives it one.
    Unset,
    /// It refers to a name that has none.
    Unresolved(Diagnostic),
}

/// Secrets files, and the environment that is asked for what they do not define. What a command printed is kept, so that it is run once.
#[derive(Debug, Default)]
pub struct SecretSources {
    environment: Environment,
    files: SecretsFiles,
    printed: Mutex<BTreeMap<String, Secret>>,
}

/// Why a value is not known.
enum Obstacle {
    /// A command must be run.
    NotRun,
    /// Something is wrong.
    Problem(Diagnostic),
}

impl SecretSources {
    /// Returns the values of `files`, and beside these those of `environment`.
    pub fn new(environment: Environment, files: SecretsFiles) -> Self {
        Self {
            environment,
            files,
            printed: Mutex::default(),
        }
    }

    /// Returns the environment.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Returns the files.
    pub fn files(&self) -> &SecretsFiles {
        &self.files
    }

    /// Returns the value of `name`, without running anything.
    pub fn lookup(&self, name: &str) -> Lookup {
        let Some(at) = self.files.find(name) else {
            let found = self.environment.get(name);
            return found.map_or(Lookup::Unset, Lookup::Known);
        };
        match self.evaluation(None).value(at) {
            Ok(secret) => Lookup::Known(secret),
            Err(Obstacle::NotRun) => Lookup::Late,
            Err(Obstacle::Problem(problem)) => Lookup::Unresolved(problem),
        }
    }

    /// Has `runner` run the commands that the values of `names` come from, unless they were run before.
    ///
    /// # Errors
    /// The first that fails.
    pub fn read(
        &self,
        names: &BTreeSet<String>,
        runner: &mut dyn Runner,
    ) -> Result<(), Diagnostic> {
        for name in names {
            let Some(at) = self.files.find(name) else {
                continue;
            };
            // What one store refuses, another call of it will not give.
            if let Err(Obstacle::Problem(problem)) = self.evaluation(Some(&mut *runner)).value(at) {
                return Err(problem);
            }
        }
        Ok(())
    }

    fn evaluation<'s>(&'s self, runner: Option<&'s mut dyn Runner>) -> Evaluation<'s> {
        Evaluation {
            sources: self,
            runner,
            values: BTreeMap::new(),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Secret>> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds out values.
struct Evaluation<'s> {
    sources: &'s SecretSources,
    /// Without it, commands are not run.
    runner: Option<&'s mut dyn Runner>,
    /// The values of assignments that are known by now.
    values: BTreeMap<usize, Secret>,
}

impl Evaluation<'_> {
    /// Returns the value of an assignment.
    fn value(&mut self, at: usize) -> Result<Secret, Obstacle> {
        if let Some(known) = self.values.get(&at) {
            return Ok(known.clone());
        }
        let sources = self.sources;
        let mut text = Zeroizing::new(String::new());
        for part in sources.files.parts(at) {
            let secret = match part {
                Part::Text(secret) => secret.clone(),
                Part::Reference(name) => self.referred(at, name)?,
                Part::Command(command) => self.printed(at, command)?,
            };
            if text.len() + secret.reveal().len() > MAX_VALUE {
                let help = "put it into a file, and mount that".to_owned();
                return Err(self.problem(at, "the value is too long".to_owned(), help));
            }
            text.push_str(secret.reveal());
        }
        let value = Secret::new(text.as_str());
        self.values.insert(at, value.clone());
        Ok(value)
    }

    fn referred(&mut self, at: usize, name: &str) -> Result<Secret, Obstacle> {
        if let Some(referred) = self.sources.files.refers(at, name) {
            return self.value(referred);
        }
        self.sources.environment.get(name).ok_or_else(|| {
            let message = format!("`${name}` is not set");
            let help =
                format!("set {name} in the environment or in .env, or assign it above this line");
            self.problem(at, message, help)
        })
    }

    /// Returns what a command prints.
    fn printed(&mut self, at: usize, command: &Command) -> Result<Secret, Obstacle> {
        let sources = self.sources;
        let mut variables = Secrets::new();
        for name in &command.names {
            let value = match sources.files.refers(at, name) {
                Some(referred) => Some(self.value(referred)?),
                None => sources.environment.get(name),
            };
            variables.extend(value.map(|value| (name.clone(), value)));
        }
        let key = key(command, &variables);
        if let Some(known) = sources.kept().get(&key) {
            return Ok(known.clone());
        }
        let Some(runner) = &mut self.runner else {
            return Err(Obstacle::NotRun);
        };
        let printed = runner.run(command, &variables);
        let problem = |(why, help): (String, String)| {
            let message = format!("the command `{}` {why}", command.text.trim());
            self.problem(at, message, help)
        };
        let printed = printed.map_err(problem)?;
        let printed = without_end(printed.reveal());
        if printed.reveal().is_empty() {
            let help = "run it by hand, and log in to the store if it asks for that".to_owned();
            return Err(problem(("printed nothing".to_owned(), help)));
        }
        sources.kept().insert(key, printed.clone());
        Ok(printed)
    }

    fn problem(&self, at: usize, message: String, help: String) -> Obstacle {
        let place = self.sources.files.place(at).clone();
        let error = Diagnostic::error(message).at(place);
        Obstacle::Problem(error.help(help).hide_source())
    }
}

/// Returns what tells a command with its variables from others.
fn key(command: &Command, variables: &Secrets) -> String {
    let mut text = Zeroizing::new(command.text.trim().to_owned());
    for (name, value) in variables {
        for part in [name, value.reveal()] {
            text.push('\0');
            text.push_str(part);
        }
    }
    digest::sha256(text.as_bytes())
}

/// Returns `text` without the line breaks at its end, which a shell leaves out.
fn without_end(text: &str) -> Secret {
    Secret::new(text.trim_end_matches(['\n', '\r']))
}
