//! The plan as a comment on a pull request.

use std::collections::BTreeSet;

use super::commands::lines;
use super::escape::{markdown as text, markdown_block, markdown_code};
use super::groups::{Group, groups, header, headline, summary, title};
use super::reason::prose;
use crate::action::Action;
use crate::plan::trust::Concern;
use crate::plan::{Plan, Step};
use crate::text::{action_line, command, count};

/// Returns the plan in GitHub's Markdown: a summary, then a foldable section for each host with
/// every command and file. `concerns`, what in it needs an approval, stand on top.
pub fn markdown(plan: &Plan, concerns: &[Concern]) -> String {
    let mut out = format!(
        "### Plan: {}\n\n**{}**\n\n",
        text(&headline(plan)),
        summary(plan)
    );
    for concern in concerns {
        out += &format!("> **Needs approval:** {}\n>\n", text(&concern.to_string()));
    }
    for warning in &plan.warnings {
        out += &format!("> **Warning:** {}\n>\n", text(warning));
    }
    out += "\n| | |\n| --- | --- |\n";
    for (name, value) in header(plan) {
        let value = markdown_code(&value).replace('|', "\\|");
        out += &format!("| {name} | {value} |\n");
    }
    let mut shown = BTreeSet::new();
    for group in groups(plan) {
        out += &section(plan, &group, &mut shown);
    }
    out
}

fn section<'a>(plan: &'a Plan, group: &Group<'a>, shown: &mut BTreeSet<&'a str>) -> String {
    let mut out = format!(
        "\n<details>\n<summary>{}: {}, {} unchanged</summary>\n\n",
        text(&title(plan, group.host)),
        count(group.steps.len(), "step"),
        group.unchanged.len()
    );
    for (number, step) in &group.steps {
        out += &format!(
            "**{number}. {}**: {} ({})\n\n",
            text(&step.summary),
            text(&prose(&step.why)),
            markdown_code(step.id.as_str())
        );
        out += &body(plan, step, shown);
    }
    for item in &group.unchanged {
        out += &format!(
            "- unchanged: {}: {}\n",
            text(&item.subject),
            text(&item.reason)
        );
    }
    out + "\n</details>\n"
}

fn body<'a>(plan: &'a Plan, step: &'a Step, shown: &mut BTreeSet<&'a str>) -> String {
    let mut out = String::new();
    let mut commands = lines(step);
    let diagnose = step.diagnose.iter().map(|run| ("diagnosis", command(run)));
    let cleanup = step
        .cleanup
        .iter()
        .map(|action| ("cleanup", action_line(action)));
    let after_failure = diagnose.chain(cleanup);
    commands
        .extend(after_failure.map(|(label, line)| format!("{line}  # {label}, after a failure")));
    if !commands.is_empty() {
        out += &markdown_block("sh", &commands.join("\n"));
        out.push('\n');
    }
    for action in &step.action {
        let Action::Write(write) = action else {
            continue;
        };
        let path = markdown_code(&write.path);
        out += &match plan.contents.get(&write.content) {
            _ if !shown.insert(write.content.as_str()) => format!("{path}: as above\n\n"),
            None => format!("{path}: its text is missing from the plan\n\n"),
            Some(content) => {
                let added = content
                    .split_terminator('\n')
                    .map(|line| format!("+{line}"));
                let added = Vec::from_iter(added).join("\n");
                format!("{path}:\n\n{}\n", markdown_block("diff", &added))
            }
        };
    }
    out
}
