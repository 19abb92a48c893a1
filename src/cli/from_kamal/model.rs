//! What became of the files of a Kamal project.

use crate::config::UnreadKey;

/// A file of Kamal's, and what became of it.
pub struct Translated {
    /// Its path.
    pub path: String,
    /// The text of the new file.
    pub text: String,
    /// The keys at its top level.
    pub keys: Vec<String>,
    /// Those that mrsk does not read.
    pub unread: Vec<Unread>,
    /// Whether `proxy` was added.
    pub has_new_proxy: bool,
}

/// A key that mrsk does not read.
pub struct Unread {
    /// The key.
    pub key: UnreadKey,
    /// Whether it is in the new file as a comment; else it has to be removed by hand.
    pub is_comment: bool,
}
