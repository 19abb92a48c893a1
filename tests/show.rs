//! A sample plan in every format. `MRSK_BLESS=1` rewrites the golden files.

#![expect(clippy::disallowed_methods, reason = "a test starts what it tests")]

mod golden;
mod show_support;

use std::path::Path;

use golden::Golden;
use mrsk::plan::Plan;
use mrsk::plan::trust::concerns;
use mrsk::show::{self, Look};
use mrsk::text::Styling;
use show_support::sample;

fn table(plan: &Plan, styling: Styling, width: Option<u16>) -> String {
    let mut out = Vec::new();
    show::table(plan, &concerns(plan), Look { styling, width }, &mut out)
        .expect("writing to memory succeeds");
    String::from_utf8(out).expect("a table is text")
}

#[test]
fn the_sample_is_shown_as_recorded() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/show");
    let mut golden = Golden::default();
    let mut check = |name: &str, text: &str| golden.check(&directory.join(name), text);
    let plan = sample();
    check("table.txt", &table(&plan, Styling::Plain, None));
    check("table-80.txt", &table(&plan, Styling::Plain, Some(80)));
    check("plan.md", &show::markdown(&plan, &concerns(&plan)));
    check("plan.mmd", &show::mermaid(&plan));
    check("plan.dot", &show::dot(&plan));
    check("commands.txt", &show::commands(&plan));
}

#[test]
fn colors_are_used_only_when_asked_for() {
    let plan = sample();
    assert!(!table(&plan, Styling::Plain, None).contains('\u{1b}'));
    assert!(table(&plan, Styling::Ansi, None).contains("\u{1b}["));
}

#[test]
fn a_plan_without_steps_says_so() {
    let mut plan = sample();
    plan.steps.clear();
    let text = table(&plan, Styling::Plain, None);
    assert!(
        text.ends_with("\nPlan: nothing to do, 3 unchanged\n"),
        "{text}"
    );
}

/// Puts `text` where a plan has free text, through its JSON.
fn poisoned(text: &str) -> Plan {
    fn poison(value: &mut serde_json::Value, text: &str) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    let free = [
                        "summary",
                        "what",
                        "subject",
                        "reason",
                        "version",
                        "reference",
                        "user",
                        "old",
                        "new",
                    ];
                    match value {
                        serde_json::Value::String(string)
                            if free.contains(&key.as_str()) && key != "reason" =>
                        {
                            string.push_str(text);
                        }
                        _ => poison(value, text),
                    }
                }
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(|value| match value {
                serde_json::Value::String(string) => string.push_str(text),
                _ => poison(value, text),
            }),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(sample()).expect("a plan is JSON");
    poison(&mut value["steps"], text);
    for part in ["warnings", "unchanged", "hosts", "image", "operation"] {
        poison(&mut value[part], text);
    }
    serde_json::from_value(value).expect("the sample is still a plan")
}

#[test]
fn no_text_of_a_plan_reaches_a_terminal_raw() {
    let plan = poisoned("\u{1b}]0;x\u{7}\r\u{202e}\u{9b}2J");
    let outputs = [
        table(&plan, Styling::Plain, Some(100)),
        show::markdown(&plan, &concerns(&plan)),
        show::mermaid(&plan),
        show::dot(&plan),
        show::commands(&plan),
    ];
    for text in outputs {
        let raw = text
            .chars()
            .find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
        assert_eq!(raw, None, "{text}");
    }
}

#[test]
fn no_text_of_a_plan_becomes_markup() {
    let plan = poisoned("\n```\n</details><img src=x>\"];x-->y");
    let markdown = show::markdown(&plan, &concerns(&plan));
    let sections = markdown.matches("\n</details>\n").count();
    assert_eq!(sections, markdown.matches("<details>\n").count());
    assert!(
        !markdown
            .lines()
            .any(|line| line == "```" && line.contains("details"))
    );
    for line in show::mermaid(&plan).lines() {
        assert!(line.matches('"').count() <= 2, "{line}");
        assert!(!line.contains("x-->y"), "{line}");
    }
    for line in show::dot(&plan).lines() {
        assert!(
            line.replace("\\\\", "")
                .replace("\\\"", "")
                .matches('"')
                .count()
                % 2
                == 0,
            "{line}"
        );
    }
}

/// Returns the words that bash reads in `line`.
fn bash_words(line: &str) -> Vec<String> {
    let script = format!("set -- {line}\nprintf '%s\\0' \"$@\"");
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .output()
        .expect("bash runs");
    let text = String::from_utf8(output.stdout).expect("words are text");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// A line of the commands is a comment, or read by bash as the words of the plan.
#[test]
fn commands_are_what_the_plan_runs() {
    use mrsk::action::{Action, Arg};
    let plan = sample();
    let text = show::commands(&plan);
    let printed: Vec<Vec<String>> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty() && !line.starts_with("printf"))
        .map(bash_words)
        .collect();
    let planned: Vec<Vec<String>> = plan
        .steps
        .iter()
        .flat_map(|step| &step.action)
        .filter_map(|action| match action {
            Action::Run(run) if run.stdin.is_none() => Some(
                run.argv
                    .iter()
                    .map(|arg| match arg {
                        Arg::Literal(text) => text.clone(),
                        Arg::FromEnv(name) => format!("${name}"),
                        Arg::Pushed(image) => {
                            let (repository, step) = (image.repository(), &image.pushed_by);
                            format!("{repository}@{{pushed by {step}}}")
                        }
                    })
                    .collect(),
            ),
            _ => None,
        })
        .collect();
    assert_eq!(printed, planned);
}
