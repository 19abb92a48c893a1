//! Whether text is colored.

/// Whether text is styled with ANSI escape sequences. Whether it should be (a terminal, `NO_COLOR`) is for the caller to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Styling {
    /// Text alone.
    #[default]
    Plain,
    /// ANSI escape sequences.
    Ansi,
}
