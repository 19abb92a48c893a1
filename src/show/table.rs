//! The plan on a terminal.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::escape::terminal;
use super::groups::{Group, Mark, groups, header, headline, summary, title};
use super::reason::prose;
use crate::plan::Plan;

/// Whether the terminal's colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Text alone.
    Never,
    /// ANSI escape sequences.
    Always,
}

/// How the table looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether colours are used.
    pub colour: Colour,
    /// The number of columns that lines are folded to; `None`: lines are as long as they are.
    pub width: Option<u16>,
}

/// The width below which the ids of steps are left out.
const WIDTH_FOR_IDS: u16 = 110;

/// Writes what the plan does, host by host, with the number of each step in the plan's order, and why it is there.
///
/// # Errors
/// Those of `out`.
pub fn table(plan: &Plan, look: Look, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "Plan: {}", terminal(&headline(plan)))?;
    for (name, value) in header(plan) {
        writeln!(out, "  {name:<10} {}", terminal(&value))?;
    }
    for group in groups(plan) {
        writeln!(out, "\n{}", terminal(&title(plan, group.host)))?;
        for line in rows(&group, look).lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    if !plan.warnings.is_empty() {
        writeln!(out)?;
    }
    for warning in &plan.warnings {
        let text = format!("warning: {}", terminal(warning));
        match look.colour {
            Colour::Never => writeln!(out, "{text}")?,
            Colour::Always => writeln!(out, "\u{1b}[33m{text}\u{1b}[0m")?,
        }
    }
    writeln!(out, "\nPlan: {}", summary(plan))
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
    match look.colour {
        Colour::Always => table.enforce_styling(),
        Colour::Never => table.force_no_tty(),
    };
    let with_ids = look.width.is_none_or(|width| width >= WIDTH_FOR_IDS);
    let prefix = group.host.map_or("local", |host| host.as_str());
    for (number, step) in &group.steps {
        let mark = Mark::of(step.kind);
        let id = step.id.as_str();
        let id = id
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(id);
        let mut row = vec![
            Cell::new(number).set_alignment(CellAlignment::Right),
            coloured(Cell::new(mark.symbol()), colour(mark), look),
            Cell::new(terminal(&step.summary)),
            Cell::new(terminal(&prose(&step.why))),
        ];
        if with_ids {
            row.push(coloured(Cell::new(terminal(id)), Color::DarkGrey, look));
        }
        table.add_row(row);
    }
    for item in &group.unchanged {
        table.add_row([
            Cell::new(""),
            Cell::new("="),
            Cell::new(terminal(&item.subject)),
            Cell::new(terminal(&item.reason)),
        ]);
    }
    table.to_string()
}

fn coloured(cell: Cell, colour: Color, look: Look) -> Cell {
    match look.colour {
        Colour::Always => cell.fg(colour),
        Colour::Never => cell,
    }
}

fn colour(mark: Mark) -> Color {
    match mark {
        Mark::Adds => Color::Green,
        Mark::Changes => Color::Yellow,
        Mark::Removes => Color::Red,
        Mark::Waits => Color::DarkGrey,
    }
}
