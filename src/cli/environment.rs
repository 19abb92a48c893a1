//! The environment that secrets and templates see: its variables, commands, and an installed Ruby.

use std::collections::BTreeSet;
use std::io::{ErrorKind, IsTerminal};
use std::path::Path;

use crate::apply::preflight;
use crate::config::{self, dotenv::Environment};
use crate::diagnostic::Diagnostic;
use crate::erb::{self, Failure, Need, Refusal, World};
use crate::record::Ending;
use crate::redaction;
use crate::repository::{self, FileKind};
use crate::secret::{Secret, Secrets};
use crate::transport::foreground::{Captured, Foreground, Input, capture};

/// The most that a command may print, in bytes.
const MAX_OUTPUT: usize = 8 << 20;

/// Reads the environment: the variables of this process, then `.env.DEST` and `.env`, or `file` instead of these.
pub fn load(
    file: Option<&Path>,
    destination: Option<&str>,
) -> Result<Environment, Vec<Diagnostic>> {
    Environment::load(Path::new("."), destination, file, process_variables())
}

/// Returns the variables of this process, except those that are not UTF-8.
pub fn process_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// This machine, as templates see it.
pub struct Machine {
    environment: Result<Environment, Vec<Diagnostic>>,
    /// What commands read.
    input: Input<'static>,
    /// The only variables that templates may read if nothing is run for them.
    only: Option<BTreeSet<String>>,
    /// The credentials that templates took from the environment.
    taken: Secrets,
}

impl Machine {
    /// Returns this machine with an environment. An error of the environment matters only to a template that uses it. Commands
    /// read standard input only if it is a terminal.
    pub fn new(environment: Result<Environment, Vec<Diagnostic>>) -> Self {
        let input = match std::io::stdin().is_terminal() {
            true => Input::Inherited,
            false => Input::Nothing,
        };
        Self {
            environment,
            input,
            only: None,
            taken: Secrets::new(),
        }
    }

    /// Returns this machine for a repository that is not trusted: nothing is run for its templates, they read these variables of
    /// this process alone, and no file is read.
    pub fn sealed(variables: &BTreeSet<String>) -> Self {
        let allowed = process_variables().filter(|(name, _)| variables.contains(name));
        Self {
            environment: Ok(allowed.collect()),
            input: Input::Nothing,
            only: Some(variables.clone()),
            taken: Secrets::new(),
        }
    }

    /// Returns this machine with an environment. Commands read standard input.
    pub fn with_stdin(environment: Environment) -> Self {
        Self {
            input: Input::Inherited,
            ..Self::new(Ok(environment))
        }
    }

    /// Returns the values that templates took from variables whose names look like those of credentials.
    pub fn into_taken(self) -> Secrets {
        self.taken
    }

    /// Notes the credentials among all variables: nobody knows what Ruby reads.
    fn take_all(&mut self) {
        let Ok(environment) = &self.environment else {
            return;
        };
        let all = environment.all().iter();
        let credentials = all.filter(|(name, value)| config::looks_secret(name, value.reveal()));
        self.taken
            .extend(credentials.map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Returns what a process said without the values that it may have read: of credentials, and of variables that are named in
    /// what it ran.
    fn redact(&self, said: &str, source: &str) -> String {
        let all = self.environment.iter().flat_map(Environment::all);
        let read = all.filter(|(name, value)| {
            source.contains(name.as_str()) || config::looks_secret(name, value.reveal())
        });
        let read = read.map(|(name, value)| (name.clone(), value.clone()));
        redaction::redact_words(said, &read.collect())
    }

    fn run(&self, argv: &[String], input: Input<'_>) -> std::io::Result<Captured> {
        let all = self.environment.iter().flat_map(Environment::all);
        let harmless = all.filter(|(name, _)| !config::changes_start(name));
        let variables = harmless.map(|(name, value)| (name.clone(), value.clone()));
        capture(&Foreground {
            argv,
            variables: &variables.collect(),
            input,
            limit: MAX_OUTPUT,
        })
    }
}

impl World for Machine {
    fn refusal(&self, need: &Need<'_>) -> Option<Refusal> {
        let only = self.only.as_ref()?;
        let trust = "plan without --no-exec if you trust this repository";
        let (message, help) = match need {
            Need::Variable(name) if only.contains(*name) => return None,
            Need::Variable(name) => (
                format!(
                    "the template reads the environment variable `{name}`, which --no-exec does not allow"
                ),
                format!("allow it with `--allow-env {name}`"),
            ),
            Need::File(path) => (
                format!("the template reads the file `{path}`, which --no-exec does not allow"),
                trust.to_owned(),
            ),
            Need::Command => (
                "the template runs a command, which --no-exec does not allow".to_owned(),
                trust.to_owned(),
            ),
            Need::Ruby => (
                "`ruby` would evaluate it, which --no-exec does not allow".to_owned(),
                format!("use what docs/erb.md lists, or {trust}"),
            ),
        };
        Some(Refusal { message, help })
    }

    fn prepare(&mut self) -> Result<(), Vec<Diagnostic>> {
        self.environment.as_ref().map(drop).map_err(Clone::clone)
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        let value = self.environment.as_ref().ok()?.get(name)?;
        let text = value.reveal().to_owned();
        if config::looks_secret(name, &text) {
            self.taken.insert(name.to_owned(), value);
        }
        Some(text)
    }

    fn file(&mut self, path: &str) -> Result<Option<String>, Failure> {
        let bytes = match repository::read_named(Path::new(path), FileKind::TemplateInput) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => {
                return Err(Failure {
                    how: error.to_string(),
                    said: error.help().to_owned(),
                });
            }
        };
        let text = String::from_utf8(bytes).map_err(|_| Failure {
            how: "it is not UTF-8".to_owned(),
            said: "save it as UTF-8, or read it with a command".to_owned(),
        })?;
        let name = path.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        if config::looks_secret(&name, text.trim()) {
            let secret = Secret::new(text.trim());
            self.taken.insert(path.to_owned(), secret);
        }
        Ok(Some(text))
    }

    fn command(&mut self, command: &str) -> Result<String, Failure> {
        let argv = ["sh", "-c", command].map(str::to_owned);
        text(self.run(&argv, self.input)).map_err(|failure| Failure {
            said: self.redact(&failure.said, command),
            ..failure
        })
    }

    fn ruby(&mut self, argv: &[String], input: &str) -> Option<Result<String, Failure>> {
        self.take_all();
        match self.run(argv, Input::Text(input)) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            captured => Some(text(captured).map_err(|failure| Failure {
                said: self.redact(&failure.said, input),
                ..failure
            })),
        }
    }
}

/// Commands of templates see this environment too; the process keeps its own.
impl preflight::Environment for Environment {
    fn value(&self, name: &str) -> preflight::Value {
        self.get(name)
            .map_or(preflight::Value::Unset, preflight::Value::Known)
    }

    fn read(&self, _: &BTreeSet<String>) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn render(&self, path: &str, template: &str, own: &Secrets) -> Result<String, Vec<Diagnostic>> {
        let mut machine = Machine::new(Ok(self.with(own)));
        erb::evaluate(path, template, &mut machine).map(|evaluated| evaluated.text)
    }
}

/// Returns what a process printed, if it succeeded.
pub(super) fn text(captured: std::io::Result<Captured>) -> Result<String, Failure> {
    let (how, said) = match captured {
        Err(error) => (format!("failed: {error}"), String::new()),
        Ok(captured) => {
            let how = match captured.ending {
                Ending::Succeeded => match String::from_utf8(captured.stdout) {
                    Ok(text) => return Ok(text),
                    Err(_) => "printed something that is not UTF-8".to_owned(),
                },
                Ending::Failed { code } => format!("failed: exit status {code}"),
                _ => "did not end".to_owned(),
            };
            (how, captured.stderr)
        }
    };
    Err(Failure { how, said })
}
