//! The plan on a terminal.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::groups::{Group, groups, header, headline, size, summary, title};
use super::reason::prose;
use crate::plan::Plan;
use crate::plan::kinds::Mark;
use crate::plan::trust::Concern;
use crate::text::{Styling, one_line, short_id, shorten};

/// How the table looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether colors are used.
    pub styling: Styling,
    /// The number of columns that lines are folded to; `None`: lines are as long as they are.
    pub width: Option<u16>,
}

/// The width of a terminal from which the ids of steps are shown.
const WIDTH_FOR_IDS: u16 = 110;

/// Writes what the plan does, host by host, with the number of each step in the plan's order, and
/// why it is there; on top, what in it needs an approval.
///
/// # Errors
/// Those of `out`.
pub fn table(
    plan: &Plan,
    concerns: &[Concern],
    look: Look,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "Plan: {}", one_line(&headline(plan)))?;
    for concern in concerns {
        let text = format!("needs approval: {}", one_line(&concern.to_string()));
        writeln!(out, "  {}", tinted(look, 31, &text))?;
    }
    for (name, value) in header(plan) {
        writeln!(out, "  {name:<12} {}", one_line(&value))?;
    }
    for group in groups(plan) {
        writeln!(out, "\n{}", one_line(&title(plan, group.host)))?;
        for line in rows(&group, look).lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    if !plan.warnings.is_empty() {
        writeln!(out)?;
    }
    for warning in &plan.warnings {
        let text = format!("warning: {}", one_line(warning));
        writeln!(out, "{}", tinted(look, 33, &text))?;
    }
    writeln!(out, "\nPlan: {}", summary(plan))
}

/// Writes, below the table of a plan, what its undo does, which `file` has, and what it does not bring back.
///
/// # Errors
/// Those of `out`.
pub fn undo(undo: &Plan, file: &str, look: Look, out: &mut impl Write) -> io::Result<()> {
    let back = match &undo.version {
        Some(version) => format!("back to {}", shorten(version)),
        None => "back to what serves now".to_owned(),
    };
    let line = match undo.steps.is_empty() {
        true => "nothing to do".to_owned(),
        false => format!("{back}, {}", size(undo)),
    };
    writeln!(out, "Undo: {line} ({})", one_line(file))?;
    for warning in &undo.warnings {
        let text = format!("  warning: {}", one_line(warning));
        writeln!(out, "{}", tinted(look, 33, &text))?;
    }
    Ok(())
}

fn tinted(look: Look, color: u8, text: &str) -> String {
    match look.styling {
        Styling::Plain => text.to_owned(),
        Styling::Ansi => format!("\u{1b}[{color}m{text}\u{1b}[0m"),
    }
}

fn rows(group: &Group, look: Look) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    match look.width {
        Some(width) => table
            .set_width(width)
            .set_content_arrangement(ContentArrangement::Dynamic),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    match look.styling {
        Styling::Ansi => table.enforce_styling(),
        Styling::Plain => table.force_no_tty(),
    };
    let with_ids = look.width.is_some_and(|width| width >= WIDTH_FOR_IDS);
    let prefix = group.host.map_or("local", |host| host.as_str());
    for (number, step) in &group.steps {
        let mark = step.mark();
        let id = short_id(step.id.as_str(), prefix);
        let mut row = vec![
            Cell::new(number).set_alignment(CellAlignment::Right),
            colored(Cell::new(mark.symbol()), color(mark), look),
            Cell::new(one_line(&step.summary)),
            Cell::new(one_line(&prose(&step.why))),
        ];
        if with_ids {
            row.push(colored(Cell::new(one_line(id)), Color::DarkGrey, look));
        }
        table.add_row(row);
    }
    for item in &group.unchanged {
        table.add_row([
            Cell::new(""),
            Cell::new("="),
            Cell::new(one_line(&item.subject)),
            Cell::new(one_line(&shorten(&item.reason))),
        ]);
    }
    table.to_string()
}

fn colored(cell: Cell, color: Color, look: Look) -> Cell {
    match look.styling {
        Styling::Ansi => cell.fg(color),
        Styling::Plain => cell,
    }
}

fn color(mark: Mark) -> Color {
    match mark {
        Mark::Adds => Color::Green,
        Mark::Changes => Color::Yellow,
        Mark::Removes => Color::Red,
        Mark::Waits => Color::DarkGrey,
    }
}
