//! Rendering of commands whose output is handed on as it comes.

use super::builder::{Builder, RenderError, Script};
use super::parts::{AUDIT, ROUTED};
use super::step;
use crate::action::Run;
use crate::record::Scope;
use crate::transport::request::{Commands, Inputs};

const COMMAND: &str = include_str!("command.sh");

/// Renders `commands`. The line that ends the answer has `mark`, which nothing that runs on the host knows.
///
/// # Errors
///
/// As [`RenderError`] says.
pub fn commands(commands: &Commands, inputs: &Inputs, mark: &str) -> Result<Script, RenderError> {
    let mut builder = Builder::new(&[COMMAND]);
    let pattern = commands.pattern.as_ref();
    let pattern = pattern.map_or_else(String::new, |pattern| format!("={pattern}"));
    builder
        .set("mrsk_mark", mark)?
        .set("mrsk_pattern", &pattern)?;
    function(&mut builder, "mrsk_before", &commands.before, inputs)?;
    function(&mut builder, "mrsk_after", &commands.after, inputs)?;
    builder.line("mrsk_main() {");
    step::run(&mut builder, "perform", &commands.main, inputs)?;
    Ok(builder.line("}").end_with("commands 4<&0"))
}

/// Adds a function that runs commands until one fails.
fn function(
    builder: &mut Builder,
    name: &str,
    runs: &[Run],
    inputs: &Inputs,
) -> Result<(), RenderError> {
    builder.line(&format!("{name}() {{"));
    for run in runs {
        step::run(builder, "prepare", run, inputs)?;
        builder.line("[ \"$?\" = 0 ] || return 1");
    }
    builder.line("return 0").line("}");
    Ok(())
}

/// Renders the addition of `line` to the audit log of `scope`: of what is no step of a plan.
///
/// # Errors
///
/// As [`RenderError`] says.
pub fn note(scope: &Scope, line: &str) -> Result<Script, RenderError> {
    Ok(Builder::new(&[ROUTED, AUDIT])
        .audit_log(scope)?
        .set("mrsk_lines", line)?
        .line("note() {")
        .line("audit \"$mrsk_lines\" || die \"$mrsk_error\"")
        .line("say written")
        .line("}")
        .call("note"))
}
