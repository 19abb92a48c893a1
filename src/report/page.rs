//! A page that grows line by line.

use super::tint::{Tone, tint};
use crate::text::Styling;

/// The text that is printed at the end of a run.
pub(super) struct Page {
    styling: Styling,
    text: String,
}

impl Page {
    pub(super) fn new(styling: Styling) -> Self {
        Self {
            styling,
            text: String::new(),
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn raw(&mut self, text: &str) {
        self.text += text;
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    pub(super) fn line(&mut self, text: &str) {
        self.text += "  ";
        self.text += text;
        self.text.push('\n');
    }

    pub(super) fn heading(&mut self, tone: Tone, label: &str, text: &str) {
        let label = tint(self.styling, tone, label);
        self.text += &format!("{label}: {text}\n");
    }

    pub(super) fn field(&mut self, name: &str, text: &str) {
        let name = tint(self.styling, Tone::Quiet, &format!("{name:<8}"));
        self.text += &format!("  {name} {text}\n");
    }

    /// Adds a field of several lines; the name stands at the first.
    pub(super) fn fields(&mut self, name: &str, lines: impl Iterator<Item = String>) {
        for (number, line) in lines.enumerate() {
            self.field(if number == 0 { name } else { "" }, &line);
        }
    }

    /// Adds what to do next; the commands follow.
    pub(super) fn next(&mut self, text: &str) {
        self.blank();
        let label = tint(self.styling, Tone::Strong, "next");
        self.text += &format!("{label}: {text}\n");
    }

    pub(super) fn command(&mut self, text: &str) {
        let text = tint(self.styling, Tone::Strong, text);
        self.text += &format!("    {text}\n");
    }
}
