//! The colors of a report.

use crate::text::Styling;

/// What a piece of text means, for its color.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tone {
    Good,
    Bad,
    Unsure,
    Quiet,
    Strong,
}

/// Returns `text` in the color of `tone`.
pub(super) fn tint(styling: Styling, tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Good => 32,
        Tone::Bad => 31,
        Tone::Unsure => 33,
        Tone::Quiet => 2,
        Tone::Strong => 1,
    };
    match styling {
        Styling::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        Styling::Plain => text.to_owned(),
    }
}
