//! The final table, host by host.

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};

use super::view::{View, shown_host};
use crate::apply::state::{HostSummary, Summary};
use crate::text::{Styling, count, duration};

/// The number of rows up to which hosts where nothing needs attention have a row of their own.
const ROWS: usize = 40;

/// Returns the table, with a newline after each row.
pub(super) fn render(view: &View, summary: &Summary) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if view.styling == Styling::Ansi {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let heads = [
        "host",
        "ran",
        "already done",
        "skipped",
        "failed",
        "in doubt",
        "time",
    ];
    table.set_header(heads.iter().enumerate().map(|(column, head)| {
        let cell = Cell::new(head).add_attribute(Attribute::Dim);
        if column == 0 {
            cell
        } else {
            cell.set_alignment(CellAlignment::Right)
        }
    }));
    let folds = summary.hosts.len() > ROWS;
    let (folded, shown): (Vec<_>, Vec<_>) = summary
        .hosts
        .iter()
        .partition(|line| folds && line.host.is_some() && !needs_attention(line));
    for line in shown {
        table.add_row(row(shown_host(line.host.as_ref()), line));
    }
    if !folded.is_empty() {
        let name = count(folded.len(), "other host");
        table.add_row(row(name, &sum(&folded)));
    }
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn needs_attention(line: &HostSummary) -> bool {
    line.failed + line.in_doubt + line.skipped > 0
}

fn sum(lines: &[&HostSummary]) -> HostSummary {
    lines
        .iter()
        .fold(HostSummary::default(), |sum, line| HostSummary {
            host: None,
            ran: sum.ran + line.ran,
            already_done: sum.already_done + line.already_done,
            skipped: sum.skipped + line.skipped,
            failed: sum.failed + line.failed,
            in_doubt: sum.in_doubt + line.in_doubt,
            millis: sum.millis.max(line.millis),
        })
}

fn row(name: String, line: &HostSummary) -> Vec<Cell> {
    let number = |number: usize, color: Option<Color>| {
        let text = match number {
            0 => "-".to_owned(),
            number => number.to_string(),
        };
        let cell = Cell::new(text).set_alignment(CellAlignment::Right);
        match color {
            Some(color) if number > 0 => cell.fg(color),
            _ => cell,
        }
    };
    let time = match line.millis {
        0 => "-".to_owned(),
        millis => duration(millis),
    };
    vec![
        Cell::new(name),
        number(line.ran, Some(Color::Green)),
        number(line.already_done, None),
        number(line.skipped, None),
        number(line.failed, Some(Color::Red)),
        number(line.in_doubt, Some(Color::Yellow)),
        Cell::new(time).set_alignment(CellAlignment::Right),
    ]
}
