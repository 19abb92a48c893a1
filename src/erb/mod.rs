//! ERB templates: `deploy.yml` and `.env.erb` may hold Ruby in tags. The part of Ruby that such files use is evaluated here
//! (`docs/erb.md` lists it); a template that goes beyond it is handed as a whole to an installed `ruby`.
//!
//! A template is cut into text and tags (`scan`), the code of tags into words (`lex`), these become statements (`parse`)
//! before any of them runs (`evaluate`): what is not understood is known before the first command is run. The
//! evaluator itself touches nothing: it asks a [`World`].

mod evaluate;
mod lex;
mod literal;
mod meter;
mod methods;
mod operators;
mod output;
mod parse;
mod primary;
mod problem;
mod ruby;
mod scan;
mod syntax;
mod text;
mod token;
mod value;

pub use output::Evaluated;

use crate::diagnostic::Diagnostic;
use crate::secret;
use evaluate::Run;
use problem::{Problem, Span};

/// The largest template, in bytes.
const MAX_SOURCE: usize = 8 << 20;

/// What a template can ask for.
pub trait World {
    /// Makes ready for the questions below. It is called once, and only for what is a template.
    ///
    /// # Errors
    /// Everything that keeps the environment from being read.
    fn prepare(&mut self) -> Result<(), Vec<Diagnostic>>;

    /// Returns the value of a variable of the environment.
    fn variable(&mut self, name: &str) -> Option<String>;

    /// Runs a command by `sh -c`, and returns what it printed to standard output.
    ///
    /// # Errors
    /// A command that cannot be started, that fails, or that prints something other than text.
    fn command(&mut self, command: &str) -> Result<String, Failure>;

    /// Runs Ruby with `argv`, `input` on its standard input, and returns what it printed to standard output; `None` where
    /// there is no Ruby.
    ///
    /// # Errors
    /// As of [`World::command`].
    fn ruby(&mut self, argv: &[String], input: &str) -> Option<Result<String, Failure>>;
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How it ended, after the name of the program: `ended with status 1`.
    pub how: String,
    /// What it wrote to standard error, where that was not shown already.
    pub said: String,
}

/// Evaluates the template `source`. `file` is its path as messages have it.
///
/// # Errors
/// The first thing that is wrong with it, with its place; no message shows what the environment or a command gave.
pub fn evaluate(
    file: &str,
    source: &str,
    world: &mut dyn World,
) -> Result<Evaluated, Vec<Diagnostic>> {
    if !source.contains("<%") {
        return Ok(Evaluated::plain(source));
    }
    world.prepare()?;
    let at = |problem: Problem| vec![problem.diagnostic(file, source)];
    let nodes = match read(source) {
        Ok(nodes) => nodes,
        Err(problem) if ruby::may_know(&problem) => {
            return ruby::evaluate(file, source, world, problem).map_err(at);
        }
        Err(problem) => return Err(at(problem)),
    };
    let mut run = Run::new(source, world);
    match run.all(&nodes) {
        Ok(_) => Ok(run.into_output()),
        Err(mut problem) => {
            problem.message = secret::redact(&problem.message, run.known());
            problem.help = secret::redact(&problem.help, run.known());
            Err(at(problem))
        }
    }
}

fn read(source: &str) -> problem::Result<Vec<syntax::Node>> {
    if source.len() > MAX_SOURCE {
        let message = format!("the template has more than {MAX_SOURCE} bytes");
        return Err(problem::too_much(0..0, message));
    }
    parse::parse(lex::words(scan::scan(source)?)?)
}

/// Returns the bytes of a line, without blanks around them.
fn line_span(source: &str, line: usize) -> Span {
    let mut start = 0;
    for (number, text) in (1..).zip(source.split_inclusive('\n')) {
        if number >= line {
            start += text.len() - text.trim_start().len();
            return start..start + text.trim().len();
        }
        start += text.len();
    }
    start..start
}

#[cfg(test)]
mod tests;
