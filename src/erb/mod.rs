//! ERB templates: `deploy.yml` and `.env.erb` may hold Ruby in tags. The subset of Ruby that such files use is evaluated here
//! (`docs/erb.md` lists it); a template beyond it is handed as a whole to an installed `ruby`.
//!
//! A template is cut into text and tags (`scan`), the code of tags into words (`lex`), these become statements (`parse`)
//! before any of them runs (`evaluate`): what is unsupported is known before the first command is run. The evaluator itself
//! does no IO: it asks a [`World`].

mod evaluate;
mod lex;
mod literal;
mod meter;
mod methods;
mod operand;
mod operators;
mod output;
mod parse;
mod primary;
mod problem;
mod ruby;
mod scan;
mod string;
mod syntax;
mod token;
mod value;
mod world;

pub use output::Evaluated;
pub use world::{Failure, Need, Refusal, World};

use crate::diagnostic::Diagnostic;
use crate::redaction;
use evaluate::Run;
use problem::{Kind, Problem};

/// The largest template, in bytes.
const MAX_SOURCE: usize = 8 << 20;

/// Evaluates the template `source`. `file` is its path as messages have it.
///
/// # Errors
/// The first problem, with its place; no message shows a value of the environment or the output of a command.
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
        Err(problem) if problem.kind == Kind::Unsupported => {
            return ruby::evaluate(source, world, problem)
                .map(|evaluated| evaluated.with_commands(&tags(source)))
                .map_err(at);
        }
        Err(problem) => return Err(at(problem)),
    };
    let mut run = Run::new(source, world);
    match run.all(&nodes) {
        Ok(_) => Ok(run.into_output().with_commands(&tags(source))),
        Err(mut problem) => {
            problem.message = redaction::redact_words(&problem.message, run.known());
            problem.help = redaction::redact_words(&problem.help, run.known());
            Err(at(problem))
        }
    }
}

/// Returns the tags of a template that has been read.
fn tags(source: &str) -> Vec<problem::Span> {
    let parts = scan::scan(source).unwrap_or_default().into_iter();
    parts.filter_map(scan::Part::tag).collect()
}

fn read(source: &str) -> problem::Result<Vec<syntax::Node>> {
    if source.len() > MAX_SOURCE {
        let message = format!("the template has more than {MAX_SOURCE} bytes");
        return Err(problem::over_limit(0..0, message));
    }
    parse::parse(lex::words(scan::scan(source)?)?)
}

#[cfg(test)]
mod tests;
