//! Hands a template to an installed Ruby.

use super::output::{Evaluated, Origin};
use super::problem::{Problem, line_span, wrong};
use super::world::{Need, World};

/// The program that Ruby runs. It reads the template from its standard input.
const SCRIPT: &str = include_str!("handover.rb");

/// The ways in which Ruby runs a command.
const WAYS: [&str; 6] = ["`", "%x", "system", "exec", "spawn", "open"];

/// What to do about an error that Ruby finds.
const BEYOND: &str = "`ruby` evaluated this template: it is beyond the subset that mrsk supports";

/// Returns what Ruby renders of `source`; `refused` if there is no Ruby.
///
/// # Errors
/// What Ruby finds wrong.
pub(super) fn evaluate(
    source: &str,
    world: &mut dyn World,
    refused: Problem,
) -> Result<Evaluated, Problem> {
    if let Some(refusal) = world.refusal(&Need::Ruby) {
        let message = format!("{}; {}", refused.message, refusal.message);
        return Err(wrong(refused.span, message, refusal.help));
    }
    let options = ["ruby", "-E", "UTF-8:UTF-8", "-rerb", "-e"];
    let argv = options.into_iter().chain([SCRIPT]);
    let argv: Vec<String> = argv.map(str::to_owned).collect();
    let failed = |how: &str, said: &str| {
        let help = match said.trim() {
            "" => "check that `ruby -rerb` works, in version 2.6 or later".to_owned(),
            said => format!("standard error: {said}"),
        };
        let message = format!("{}; `ruby` {how}", refused.message);
        wrong(refused.span.clone(), message, help)
    };
    match world.ruby(&argv, source) {
        None => Err(refused),
        Some(Err(failure)) => Err(failed(&failure.how, &failure.said)),
        Some(Ok(answer)) => match read(&answer, source) {
            Ok(evaluated) => Ok(note_commands(evaluated)),
            Err(Some(problem)) => Err(problem),
            Err(None) => Err(failed("gave an incomplete answer", "")),
        },
    }
}

/// Notes the places where the template names a way to run a command: what Ruby really ran is not known.
fn note_commands(mut evaluated: Evaluated) -> Evaluated {
    let ways = WAYS.iter().flat_map(|way| {
        let found = evaluated.source().match_indices(way);
        found
            .map(|(at, way)| at..at + way.len())
            .collect::<Vec<_>>()
    });
    for way in ways.collect::<Vec<_>>() {
        evaluated.ran(way);
    }
    evaluated
}

/// Reads the answer of the script: the rendered template, or its problem. `None` is an incomplete answer.
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
            _ => return Err(Some(wrong(line_span(source, line), text, BEYOND))),
        }
        rest = body.get(length..).ok_or(None)?;
    }
    rest.is_empty().then_some(evaluated).ok_or(None)
}
