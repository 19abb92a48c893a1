//! The environment that secrets and templates see: its variables, commands, and an installed Ruby.

use std::io::{ErrorKind, IsTerminal};
use std::path::Path;

use crate::apply::preflight;
use crate::config::dotenv::Environment;
use crate::diagnostic::Diagnostic;
use crate::erb::{self, Failure, World};
use crate::record::Ending;
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
}

impl Machine {
    /// Returns this machine with an environment. An error of the environment matters only to a template that uses it. Commands
    /// read standard input only if it is a terminal.
    pub fn new(environment: Result<Environment, Vec<Diagnostic>>) -> Self {
        let input = match std::io::stdin().is_terminal() {
            true => Input::Inherited,
            false => Input::Nothing,
        };
        Self { environment, input }
    }

    /// Returns this machine with an environment. Commands read standard input.
    pub fn with_stdin(environment: Environment) -> Self {
        Self {
            environment: Ok(environment),
            input: Input::Inherited,
        }
    }

    fn run(&self, argv: &[String], input: Input<'_>) -> std::io::Result<Captured> {
        let none = Secrets::new();
        capture(&Foreground {
            argv,
            variables: self.environment.as_ref().map_or(&none, Environment::all),
            input,
            limit: MAX_OUTPUT,
        })
    }
}

impl World for Machine {
    fn prepare(&mut self) -> Result<(), Vec<Diagnostic>> {
        self.environment.as_ref().map(drop).map_err(Clone::clone)
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        let environment = self.environment.as_ref().ok()?;
        environment.get(name).map(|value| value.reveal().to_owned())
    }

    fn command(&mut self, command: &str) -> Result<String, Failure> {
        let argv = ["sh", "-c", command].map(str::to_owned);
        text(self.run(&argv, self.input))
    }

    fn ruby(&mut self, argv: &[String], input: &str) -> Option<Result<String, Failure>> {
        match self.run(argv, Input::Text(input)) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            captured => Some(text(captured)),
        }
    }
}

/// Commands of templates see this environment too; the process keeps its own.
impl preflight::Environment for Environment {
    fn variable(&self, name: &str) -> Option<Secret> {
        self.get(name)
    }

    fn render(&self, path: &str, template: &str, own: &Secrets) -> Result<String, Vec<Diagnostic>> {
        let mut machine = Machine::new(Ok(self.with(own)));
        erb::evaluate(path, template, &mut machine).map(|evaluated| evaluated.text)
    }
}

/// Returns what a process printed, if it succeeded.
fn text(captured: std::io::Result<Captured>) -> Result<String, Failure> {
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
