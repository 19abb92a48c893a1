//! Hands a template to an installed Ruby.

use super::output::{Evaluated, Origin};
use super::problem::{Kind, Problem, wrong};
use super::{World, line_span};

/// The program that Ruby runs. It reads the template from its standard input.
const SCRIPT: &str = include_str!("handover.rb");

/// Returns what Ruby makes of `source`, the template of `file`, or `refused` where there is no Ruby.
///
/// # Errors
/// What Ruby finds wrong.
pub(super) fn evaluate(
    file: &str,
    source: &str,
    world: &mut dyn World,
    refused: Problem,
) -> Result<Evaluated, Problem> {
    let argv = [
        "ruby",
        "-E",
        "UTF-8:UTF-8",
        "-rerb",
        "-e",
        SCRIPT,
        "--",
        file,
    ];
    let argv: Vec<String> = argv.into_iter().map(str::to_owned).collect();
    let failed = |how: &str, said: &str| {
        let help = match said.trim() {
            "" => "see that `ruby -rerb` works here, in version 2.6 or later".to_owned(),
            said => format!("it said: {said}"),
        };
        wrong(
            refused.span.clone(),
            format!("{}, and Ruby {how}", refused.message),
            help,
        )
    };
    match world.ruby(&argv, source) {
        None => Err(refused),
        Some(Err(failure)) => Err(failed(&failure.how, &failure.said)),
        Some(Ok(answer)) => match read(&answer, source) {
            Ok(evaluated) => Ok(evaluated),
            Err(Some(problem)) => Err(problem),
            Err(None) => Err(failed("gives no whole answer", "")),
        },
    }
}

/// Reads the answer of the script: what the template became, or what is wrong with it. `None` is an answer that is not
/// whole.
fn read(answer: &str, source: &str) -> Result<Evaluated, Option<Problem>> {
    let mut evaluated = Evaluated::of(source);
    let mut rest = answer;
    while let Some((head, body)) = rest.split_once('\n') {
        let words: Vec<&str> = head.split(' ').collect();
        let [kind, line, length] = *words.as_slice() else {
            return Err(None);
        };
        let line: usize = line.parse().map_err(|_| None)?;
        let length: usize = length.parse().map_err(|_| None)?;
        let text = body.get(..length).ok_or(None)?;
        match kind {
            "T" => evaluated.push(text, Origin::Line(line)),
            "V" => evaluated.push(text, Origin::ExpressionIn(line)),
            _ => {
                let help =
                    "Ruby evaluated this template, since it goes beyond what mrsk understands";
                return Err(Some(wrong(line_span(source, line), text, help)));
            }
        }
        rest = body.get(length..).ok_or(None)?;
    }
    match rest {
        "" => Ok(evaluated),
        _ => Err(None),
    }
}

/// Whether Ruby is asked about this problem.
pub(super) fn may_know(problem: &Problem) -> bool {
    problem.kind == Kind::NotUnderstood
}
