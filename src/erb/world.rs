//! What the evaluator asks of the machine.

use crate::diagnostic::Diagnostic;

/// What a template can ask for.
pub trait World {
    /// Returns why the template does not get what it needs; nothing if it may ask.
    fn refusal(&self, _need: &Need<'_>) -> Option<Refusal> {
        None
    }

    /// Prepares for the other methods. It is called once, and only for templates.
    ///
    /// # Errors
    /// Every problem of the files of the environment.
    fn prepare(&mut self) -> Result<(), Vec<Diagnostic>>;

    /// Returns the value of a variable of the environment.
    fn variable(&mut self, name: &str) -> Option<String>;

    /// Returns the text of the file at `path`; nothing if there is none. A world has no files by default.
    ///
    /// # Errors
    /// A file that cannot be read: why, and what to do.
    fn file(&mut self, _path: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    /// Runs a command by `sh -c`, and returns what it printed to standard output.
    ///
    /// # Errors
    /// A command that cannot be started, that fails, or that prints something other than text.
    fn command(&mut self, command: &str) -> Result<String, Failure>;

    /// Runs Ruby with `argv`, `input` on its standard input, and returns what it printed to standard output; `None` without
    /// a Ruby.
    ///
    /// # Errors
    /// As of [`World::command`].
    fn ruby(&mut self, argv: &[String], input: &str) -> Option<Result<String, Failure>>;
}

/// What a template needs of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need<'a> {
    /// A variable of the environment.
    Variable(&'a str),
    /// A file.
    File(&'a str),
    /// A command.
    Command,
    /// Ruby.
    Ruby,
}

/// Why a template does not get what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is refused.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How it ended, after the name of the program: `failed: exit status 1`.
    pub how: String,
    /// What it wrote to standard error, unless that was already shown.
    pub said: String,
}
