//! A YAML document as a tree of nodes that know where they stand. Scalars keep the text that was written.

/// The configuration itself, among the files that marks name.
pub(super) const BASE: usize = 0;

/// The file that is merged over it for a destination.
pub(super) const OVERLAY: usize = 1;

/// A position in one of the texts. Line and column count from 1, the column and the length in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Which of the files that the decoder knows: [`BASE`] or [`OVERLAY`].
    pub(super) file: usize,
    /// Line.
    pub(super) line: usize,
    /// Column.
    pub(super) column: usize,
    /// Length, at least 1, never beyond the line's end.
    pub(super) length: usize,
}

/// A node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Where it starts. An absent value stands where its key stands.
    pub(super) mark: Mark,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// Text as it was written, and whether it was written without quotes.
    Scalar {
        /// The text.
        text: String,
        /// No quotes, no block.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// A map in the order of the file, each key once.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: Key,
    /// The value.
    pub(super) value: Node,
}

/// The key of a map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    /// Its text.
    pub(super) text: String,
    /// Where it stands.
    pub(super) mark: Mark,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    /// Where.
    pub(super) mark: Mark,
    /// What.
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: String,
}

/// Returns the number of nodes of a tree.
pub(super) fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Null | Kind::Scalar { .. } => 0,
        Kind::Sequence(items) => items.iter().map(size).sum::<usize>(),
        Kind::Mapping(entries) => entries.iter().map(|entry| 1 + size(&entry.value)).sum(),
    }
}
