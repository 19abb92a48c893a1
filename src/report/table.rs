//! The final table, host by host.

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};

use super::text::{count, duration};
use super::{Paint, shown_host};
use crate::apply::state::{HostSummary, Summary};

/// The number of rows up to which hosts where nothing needs attention have a row of their own.
const ROWS: usize = 40;

/// Returns the table, with a newline after each row.
pub(super) fn render(summary: &Summary, paint: Paint) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if paint == Paint::Coloured {
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
        let name = format!("{} without trouble", count(folded.len(), "host"));
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
    let number = |number: usize, colour: Option<Color>| {
        let text = match number {
            0 => "-".to_owned(),
            number => number.to_string(),
        };
        let cell = Cell::new(text).set_alignment(CellAlignment::Right);
        match colour {
            Some(colour) if number > 0 => cell.fg(colour),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::HostName;

    fn host(number: usize, failed: usize) -> HostSummary {
        HostSummary {
            host: Some(HostName::new(format!("app{number}"))),
            ran: 3,
            failed,
            millis: 1_000 * number as u64,
            ..HostSummary::default()
        }
    }

    #[test]
    fn many_hosts_without_trouble_share_a_row() {
        let hosts = (1..=100).map(|number| host(number, usize::from(number == 7)));
        let summary = Summary {
            hosts: hosts.collect(),
            steps: Vec::new(),
        };
        let text = render(&summary, Paint::Plain);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("app7 "), "{text}");
        assert!(text.contains("99 hosts without trouble  297"), "{text}");
    }

    #[test]
    fn colours_are_there_only_when_asked_for() {
        let summary = Summary {
            hosts: vec![host(1, 1)],
            steps: Vec::new(),
        };
        assert!(!render(&summary, Paint::Plain).contains('\u{1b}'));
        assert!(render(&summary, Paint::Coloured).contains("\u{1b}[38;5;9m"));
    }
}
