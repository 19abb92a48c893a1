//! The difference of two plans on a terminal.

use serde_json::Value;
use similar::{DiffOp, TextDiff};

use super::document::{
    Change, Difference, FileDifference, HostDifference, StepDifference, ValueDifference,
};
use super::neutral::Neutral;
use super::values::aligned;
use crate::plan::Plan;
use crate::show::groups::headline;
use crate::text::{Styling, count, one_line, quote, shorten};

/// Equal words that are shown on each side of those that differ.
const WORDS_AROUND: usize = 2;

/// Equal lines that are shown on each side of those that differ.
const LINES_AROUND: usize = 3;

/// The longest value that is shown, in characters.
const MAX_VALUE: usize = 300;

/// Returns what differs between the plans that `difference` was made of, for people.
pub fn render(difference: &Difference, old: &Plan, new: &Plan, styling: Styling) -> String {
    let mut page = Page {
        styling,
        old: serde_json::to_value(old).unwrap_or_default(),
        new: serde_json::to_value(new).unwrap_or_default(),
        old_names: Neutral::of(old, new),
        new_names: Neutral::of(new, old),
        text: String::new(),
        shown_files: Vec::new(),
    };
    for (name, plan) in [("old", old), ("new", new)] {
        let headline = one_line(&headline(plan));
        let digest = shorten(plan.digest.as_str());
        page.line(&format!("{name}  {headline}  ({})", one_line(&digest)));
    }
    if difference.equal {
        page.line("the plans are equal");
        return page.text;
    }
    page.section("settings", &difference.settings);
    page.hosts(&difference.hosts);
    page.steps(&difference.steps, &difference.files);
    page.section("warnings", &difference.warnings);
    page.section("unchanged", &difference.unchanged);
    if !page.text.contains("\n\n") {
        page.line("\nonly the order of steps, warnings or unchanged items differs");
    }
    page.line("");
    page.line(&summary(&difference.steps));
    page.text
}

fn summary(steps: &[StepDifference]) -> String {
    let of = |change: Change| steps.iter().filter(|step| step.change == change).count();
    let only_version = steps.iter().filter(|step| step.only_version).count();
    let (added, removed, changed) = (of(Change::Added), of(Change::Removed), of(Change::Changed));
    let version = match only_version {
        0 => String::new(),
        some => format!(" ({some} in the version alone)"),
    };
    format!(
        "{} added, {removed} removed, {changed} changed{version}",
        count(added, "step")
    )
}

/// A page that grows.
struct Page<'d> {
    styling: Styling,
    old: Value,
    new: Value,
    old_names: Neutral,
    new_names: Neutral,
    text: String,
    /// The files whose lines were shown.
    shown_files: Vec<&'d FileDifference>,
}

impl<'d> Page<'d> {
    fn line(&mut self, text: &str) {
        self.text += text.trim_end();
        self.text.push('\n');
    }

    fn tint(&self, change: Change, text: &str) -> String {
        let color = match change {
            Change::Added => 32,
            Change::Removed => 31,
            Change::Changed => 33,
        };
        match self.styling {
            Styling::Plain => text.to_owned(),
            Styling::Ansi => format!("\u{1b}[{color}m{text}\u{1b}[0m"),
        }
    }

    /// Adds a line with the symbol of a change.
    fn marked(&mut self, indent: usize, change: Change, text: &str) {
        let symbol = match change {
            Change::Added => "+",
            Change::Removed => "-",
            Change::Changed => "~",
        };
        let line = self.tint(change, &format!("{symbol} {text}"));
        self.line(&format!("{:indent$}{line}", ""));
    }

    fn section(&mut self, title: &str, values: &[ValueDifference]) {
        if values.is_empty() {
            return;
        }
        self.line(&format!("\n{title}"));
        self.values(2, &Roots::default(), values);
    }

    /// Whether a value is the same in both plans but for the version.
    fn is_only_version(&self, value: &ValueDifference) -> bool {
        let (Some(old), Some(new)) = (&value.old, &value.new) else {
            return false;
        };
        self.old_names.value(key(&old.pointer), &old.value)
            == self.new_names.value(key(&new.pointer), &new.value)
    }

    /// Returns those of `values` that differ in more than the version.
    fn others(&self, values: &[ValueDifference]) -> Vec<ValueDifference> {
        let values = values.iter();
        let values = values.filter(|value| !self.is_only_version(value));
        values.cloned().collect()
    }

    fn hosts(&mut self, hosts: &[HostDifference]) {
        if hosts.is_empty() {
            return;
        }
        self.line("\nhosts");
        for host in hosts {
            let values = self.others(&host.values);
            let version = match values.len() < host.values.len() {
                true if values.is_empty() => "  (the version alone)",
                true => "  (and the version)",
                false => "",
            };
            let text = format!("{}{version}", one_line(&host.host));
            self.marked(2, host.change, &text);
            let root = super::below("/hosts", &host.host);
            let roots = Roots {
                old: root.clone(),
                new: root,
                ..Roots::default()
            };
            self.values(6, &roots, &values);
        }
    }

    fn steps(&mut self, steps: &[StepDifference], files: &'d [FileDifference]) {
        if steps.is_empty() {
            return;
        }
        self.line("\nsteps");
        for step in steps {
            let host = step.host.as_deref().unwrap_or("local");
            let values = match &step.host {
                Some(_) => self.others(&step.values),
                // What this machine runs is shown with every word.
                None => step.values.clone(),
            };
            let version = match values.len() < step.values.len() {
                true if step.only_version => "  (the version alone)",
                true => "  (and the version)",
                false if step.only_version => "  (the version alone)",
                false => "",
            };
            let summary = shorten(&one_line(&step.summary));
            let text = format!("{}  {summary}{version}", one_line(host));
            self.marked(2, step.change, &text);
            if !step.only_version {
                let roots = Roots {
                    old: step.old.clone().unwrap_or_default(),
                    new: step.new.clone().unwrap_or_default(),
                    words: match &step.host {
                        Some(_) => Words::Neutral,
                        None => Words::Literal,
                    },
                };
                self.values(6, &roots, &values);
                self.files(&values, files);
            }
        }
    }

    /// Adds values, each with its pointer below its root. Of commands the words that differ are shown with those around them.
    fn values(&mut self, indent: usize, roots: &Roots, values: &[ValueDifference]) {
        let mut shown: Vec<String> = Vec::new();
        for value in values {
            let name = roots.name(value);
            if let Some(list) = name.strip_suffix("/argv") {
                let name = format!("{list}/argv");
                if !shown.contains(&name) {
                    self.words(indent, roots, &name);
                    shown.push(name);
                }
                continue;
            }
            let name = one_line(&name);
            let old = value.old.as_ref().map(|place| shown_value(&place.value));
            let new = value.new.as_ref().map(|place| shown_value(&place.value));
            let (change, text) = match (old, new) {
                (Some(old), Some(new)) => (Change::Changed, format!("{name}: {old} -> {new}")),
                (Some(old), None) => (Change::Removed, format!("{name}: {old}")),
                (None, new) => (
                    Change::Added,
                    format!("{name}: {}", new.unwrap_or_default()),
                ),
            };
            self.marked(indent, change, &text);
        }
    }

    /// Adds the words of the command at `name` below the roots.
    fn words(&mut self, indent: usize, roots: &Roots, name: &str) {
        let list = |json: &Value, root: &str| -> Vec<Value> {
            let list = json.pointer(&format!("{root}/{name}"));
            list.and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let old = list(&self.old, &roots.old);
        let new = list(&self.new, &roots.new);
        let mut words: Vec<String> = Vec::new();
        let neutral = |names: &Neutral, words: &[Value]| -> Vec<Value> {
            match roots.words {
                Words::Literal => words.to_vec(),
                Words::Neutral => words.iter().map(|word| names.value("argv", word)).collect(),
            }
        };
        let ops = aligned(
            &neutral(&self.old_names, &old),
            &neutral(&self.new_names, &new),
        );
        let last = ops.len().saturating_sub(1);
        for (number, op) in ops.iter().enumerate() {
            if let DiffOp::Equal { .. } = op {
                let before = if number == 0 { 0 } else { WORDS_AROUND };
                let after = if number == last { 0 } else { WORDS_AROUND };
                words.extend(around(&new[op.new_range()], before, after));
                continue;
            }
            let gone: Vec<String> = old[op.old_range()].iter().map(word).collect();
            let come: Vec<String> = new[op.new_range()].iter().map(word).collect();
            if !gone.is_empty() {
                let text = format!("[-{}-]", gone.join(" "));
                words.push(self.tint(Change::Removed, &text));
            }
            if !come.is_empty() {
                let text = format!("{{+{}+}}", come.join(" "));
                words.push(self.tint(Change::Added, &text));
            }
        }
        let line = format!("{}: {}", one_line(name), words.join(" "));
        let mark = self.tint(Change::Changed, "~");
        self.line(&format!("{:indent$}{mark} {line}", ""));
    }

    /// Adds the lines of the files that differ, the first time that they do.
    fn files(&mut self, values: &[ValueDifference], files: &'d [FileDifference]) {
        for file in files {
            let (old, new) = file.digests();
            let is_it = |value: &ValueDifference| {
                let is = |place: &Option<super::document::Place>, digest: &str| {
                    place.as_ref().and_then(|place| place.value.as_str()) == Some(digest)
                };
                is(&value.old, old) && is(&value.new, new)
            };
            if !values.iter().any(is_it) {
                continue;
            }
            if self.shown_files.contains(&file) {
                self.line(&format!("      {}: as above", one_line(&file.path)));
                continue;
            }
            self.shown_files.push(file);
            let text = |json: &Value, pointer: &str| {
                let text = json.pointer(pointer).and_then(Value::as_str);
                text.unwrap_or_default().to_owned()
            };
            let (old, new) = (text(&self.old, &file.old), text(&self.new, &file.new));
            self.line(&format!("      {}:", one_line(&file.path)));
            self.lines(&old, &new);
        }
    }

    fn lines(&mut self, old: &str, new: &str) {
        let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
        let neutral = |names: &Neutral, lines: &[&str]| -> Vec<String> {
            lines.iter().map(|line| names.text(line)).collect()
        };
        let from = neutral(&self.old_names, &old);
        let to = neutral(&self.new_names, &new);
        let from: Vec<&str> = from.iter().map(String::as_str).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let diff = TextDiff::from_slices(&from, &to);
        for (number, group) in diff.grouped_ops(LINES_AROUND).iter().enumerate() {
            if number > 0 {
                self.line("        ...");
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                // Lines that are equal are those of the new text.
                let text = match change.new_index() {
                    Some(at) => new.get(at),
                    None => change.old_index().and_then(|at| old.get(at)),
                };
                let text = one_line(text.copied().unwrap_or_default());
                let line = match change.tag() {
                    similar::ChangeTag::Equal => format!("  {text}"),
                    similar::ChangeTag::Delete => self.tint(Change::Removed, &format!("- {text}")),
                    similar::ChangeTag::Insert => self.tint(Change::Added, &format!("+ {text}")),
                };
                self.line(&format!("        {line}"));
            }
        }
    }
}

/// Where in both plans the values are that are shown together.
#[derive(Default)]
struct Roots {
    old: String,
    new: String,
    words: Words,
}

/// How the words of commands are compared.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// Without what stands for the version.
    #[default]
    Neutral,
    /// As they are.
    Literal,
}

impl Roots {
    /// Returns the pointer of a value below its root, without a slash in front; of a word of a command that of the command.
    fn name(&self, value: &ValueDifference) -> String {
        let (place, root) = match (&value.new, &value.old) {
            (Some(place), _) => (place, &self.new),
            (None, Some(place)) => (place, &self.old),
            (None, None) => return String::new(),
        };
        let below = place.pointer.strip_prefix(root.as_str());
        let below = below.unwrap_or(&place.pointer).trim_start_matches('/');
        match below.rsplit_once('/') {
            Some((list, _)) if list.ends_with("/argv") => list.to_owned(),
            _ => below.to_owned(),
        }
    }
}

/// Returns what the value at `pointer` is the value of: the name of its list, or its own.
fn key(pointer: &str) -> &str {
    let mut names = pointer.rsplit('/');
    let name = names.find(|name| name.parse::<usize>().is_err());
    match pointer.split('/').nth(3) {
        Some("why") => "why",
        _ => name.unwrap_or_default(),
    }
}

fn shown_value(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = shorten(&one_line(&text));
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        other => one_line(&other.to_string()),
    }
}

/// Returns the first and the last of equal words.
fn around(words: &[Value], first: usize, last: usize) -> Vec<String> {
    if words.len() <= first + last + 1 {
        return words.iter().map(word).collect();
    }
    let start = words.iter().take(first).map(word);
    let end = words.iter().skip(words.len() - last).map(word);
    start.chain(["…".to_owned()]).chain(end).collect()
}
