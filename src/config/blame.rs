//! Which tag of a template is to blame for what is wrong with the text that it became.

use super::node::BASE;
use super::yaml;
use crate::diagnostic::{Diagnostic, Severity};
use crate::erb::Evaluated;

/// The longest text that is parsed again and again to find the tag, in bytes.
const MAX_TEXT: usize = 256 << 10;

/// Moves problems of a file that is not valid YAML to the tag whose output makes it so: with a plain word in its place, the file
/// would be valid. The parser finds what is wrong only behind it.
pub(super) fn find_tag(path: &str, evaluated: &Evaluated, diagnostics: &mut Vec<Diagnostic>) {
    let is_of_file = |problem: &Diagnostic| {
        let place = problem.place.as_ref();
        problem.severity == Severity::Error && place.is_some_and(|place| place.file == path)
    };
    if evaluated.text.len() > MAX_TEXT
        || !diagnostics.iter().any(is_of_file)
        || is_yaml(&evaluated.text)
    {
        return;
    }
    let Some(place) = evaluated.culprit(path, &is_yaml) else {
        return;
    };
    let first = diagnostics.iter().position(is_of_file);
    let Some(mut problem) = first.map(|at| diagnostics.remove(at)) else {
        return;
    };
    diagnostics.retain(|problem| !is_of_file(problem));
    problem.message = format!(
        "the output of this tag is not valid here: {}",
        problem.message
    );
    problem.place = Some(place);
    problem.help = Some(
        "YAML reads a part of it as its own syntax: put the tag in quotes, as in `\"<%= … %>\"`"
            .to_owned(),
    );
    diagnostics.push(problem);
}

/// Adds to problems of tags in comments that tags are evaluated there, too.
pub(super) fn explain_comments(text: &str, problems: &mut [Diagnostic]) {
    let lines: Vec<&str> = text.lines().collect();
    for problem in problems {
        let Some(place) = &problem.place else {
            continue;
        };
        let index = place.line.checked_sub(1);
        let Some(line) = index.and_then(|index| lines.get(index)) else {
            continue;
        };
        let before: String = line.chars().take(place.column.saturating_sub(1)).collect();
        let tag = before.rfind("<%").or_else(|| line.find("<%"));
        let in_comment = tag
            .and_then(|tag| line.get(..tag))
            .is_some_and(yaml::ends_in_comment);
        if in_comment {
            let help = problem.help.take().unwrap_or_default();
            problem.help = Some(format!(
                "tags in comments are evaluated too: remove it, or begin it with `<%#`\n{help}"
            ));
        }
    }
}

fn is_yaml(text: &str) -> bool {
    yaml::parse(text, BASE).is_ok()
}
