//! Canonical JSON (RFC 8785) of what has no other numbers than integers. Bytes are written as they
//! come, and only the members of an object that are out of order are moved: no tree of values is made.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use super::strict::{self, Events, MAX_INTEGER};

/// A writer of canonical JSON. What it has room for is used again by the next value.
#[derive(Debug, Default)]
pub struct Canonical(RefCell<Buffer>);

impl Canonical {
    /// Writes `value`, and hands over its bytes.
    ///
    /// # Errors
    /// A fraction, or an integer that not every reader keeps.
    pub fn write<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        take: impl FnOnce(&[u8]),
    ) -> serde_json::Result<()> {
        self.0.get_mut().clear();
        let (bytes, formatter) = (Bytes(&self.0), Sorting(&self.0));
        let mut serializer = serde_json::Serializer::with_formatter(bytes, formatter);
        value.serialize(&mut serializer)?;
        take(&self.0.get_mut().bytes);
        Ok(())
    }
}

/// The canonical form of a document, by the members of its outermost object.
#[derive(Debug)]
pub struct Members {
    bytes: Vec<u8>,
    members: Vec<Member>,
}

impl Members {
    /// Reads a document as strictly as [`crate::json::check`]. One that is not an object has no members.
    ///
    /// # Errors
    /// Those of [`crate::json::check`].
    pub fn read(text: &str) -> serde_json::Result<Self> {
        let mut buffer = Buffer {
            bytes: Vec::with_capacity(text.len() / 4 * 3),
            root: Some(Vec::new()),
            ..Buffer::default()
        };
        strict::walk(text, &mut buffer)?;
        let mut members = buffer.root.unwrap_or_default();
        let bytes = buffer.bytes;
        members.sort_by(|one, other| compare(one.key(&bytes), other.key(&bytes)));
        Ok(Self { bytes, members })
    }

    /// Returns the members in canonical order: each key with its quotes, and the member with its key.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let members = self.members.iter();
        members.map(|member| (member.key(&self.bytes), member.whole(&self.bytes)))
    }

    /// Returns the text of the member `key`, if it is one.
    pub fn text(&self, key: &str) -> Option<String> {
        let key = format!("\"{key}\":");
        let mut members = self.members.iter().map(|one| one.whole(&self.bytes));
        let value = members.find_map(|member| member.strip_prefix(key.as_bytes()))?;
        serde_json::from_slice(value).ok()
    }
}

/// Returns the order of two keys of one object: that of their UTF-16.
pub fn order(one: &str, other: &str) -> Ordering {
    match one.is_ascii() && other.is_ascii() {
        true => one.cmp(other),
        false => one.encode_utf16().cmp(other.encode_utf16()),
    }
}

/// Returns the order of two keys, in quotes and escaped.
fn compare(one: &[u8], other: &[u8]) -> Ordering {
    // Most keys differ in their first letters. A quote ends a key, and so comes before all that continues it.
    let is_plain = |byte: u8| byte.is_ascii() && byte != b'\\';
    let rank = |byte: u8| if byte == b'"' { 0 } else { byte };
    for (one, other) in one.iter().zip(other).skip(1) {
        match (one == other, is_plain(*one) && is_plain(*other)) {
            (true, _) if *one != b'\\' => {}
            (false, true) => return rank(*one).cmp(&rank(*other)),
            _ => break,
        }
    }
    let text = |key: &[u8]| serde_json::from_slice::<String>(key).unwrap_or_default();
    order(&text(one), &text(other))
}

/// Where a member of an object is.
#[derive(Debug, Clone, Copy, Default)]
struct Member {
    start: usize,
    key_end: usize,
    end: usize,
}

impl Member {
    fn key(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.key_end]
    }

    fn whole(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.end]
    }
}

/// What is written, and the objects that have not ended.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    open: Vec<Vec<Member>>,
    /// Lists of members that are used again.
    spare: Vec<Vec<Member>>,
    moved: Vec<u8>,
    /// The members of the outermost object, in the order of the text; `None`: it is sorted as any other.
    root: Option<Vec<Member>>,
}

impl Buffer {
    fn clear(&mut self) {
        self.bytes.clear();
        self.open.clear();
    }

    fn begin(&mut self) {
        self.bytes.push(b'{');
        self.open.push(self.spare.pop().unwrap_or_default());
    }

    fn begin_key(&mut self) {
        let Some(members) = self.open.last_mut() else {
            return;
        };
        if let Some(last) = members.last_mut() {
            last.end = self.bytes.len();
            self.bytes.push(b',');
        }
        let start = self.bytes.len();
        members.push(Member {
            start,
            ..Member::default()
        });
    }

    fn end_key(&mut self) {
        if let Some(member) = self.open.last_mut().and_then(|members| members.last_mut()) {
            member.key_end = self.bytes.len();
        }
        self.bytes.push(b':');
    }

    fn end(&mut self) {
        let Some(mut members) = self.open.pop() else {
            return;
        };
        if let Some(last) = members.last_mut() {
            last.end = self.bytes.len();
        }
        if self.open.is_empty() && self.root.is_some() {
            self.root = Some(members);
            return;
        }
        self.sort(&mut members);
        self.bytes.push(b'}');
        members.clear();
        self.spare.push(members);
    }

    /// Moves the members of the innermost object into their order.
    fn sort(&mut self, members: &mut [Member]) {
        let bytes = &self.bytes;
        let by_key = |one: &Member, other: &Member| compare(one.key(bytes), other.key(bytes));
        let Some(start) = members.first().map(|first| first.start) else {
            return;
        };
        if members.is_sorted_by(|one, other| by_key(one, other) != Ordering::Greater) {
            return;
        }
        members.sort_by(by_key);
        self.moved.clear();
        for member in members {
            if !self.moved.is_empty() {
                self.moved.push(b',');
            }
            self.moved.extend_from_slice(member.whole(bytes));
        }
        self.bytes.truncate(start);
        self.bytes.extend_from_slice(&self.moved);
    }

    fn scalar(&mut self, value: impl Serialize) {
        // Writing a scalar to memory does not fail.
        let _ = serde_json::to_writer(&mut self.bytes, &value);
    }
}

/// What a text is made of, by the strict reader.
impl Events for Buffer {
    fn literal(&mut self, text: &'static str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn integer(&mut self, value: i64) {
        self.scalar(value);
    }

    fn string(&mut self, text: &str) {
        self.scalar(text);
    }

    fn begin_array(&mut self) {
        self.bytes.push(b'[');
    }

    fn element(&mut self, before: usize) {
        if before > 0 {
            self.bytes.push(b',');
        }
    }

    fn end_array(&mut self) {
        self.bytes.push(b']');
    }

    fn begin_object(&mut self) {
        self.begin();
    }

    fn key(&mut self, key: &str) {
        self.begin_key();
        self.scalar(key);
        self.end_key();
    }

    fn end_object(&mut self) {
        self.end();
    }
}

/// The bytes of a value that is serialized.
struct Bytes<'b>(&'b RefCell<Buffer>);

impl io::Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What sorts the members of each object that is serialized.
struct Sorting<'b>(&'b RefCell<Buffer>);

fn not_exact(number: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{number} is not an integer up to 2^53-1"))
}

impl Formatter for Sorting<'_> {
    fn begin_object<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().begin();
        Ok(())
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        self.0.borrow_mut().begin_key();
        Ok(())
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().end_key();
        Ok(())
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().end();
        Ok(())
    }

    fn write_i64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        match value.unsigned_abs() <= MAX_INTEGER {
            true => CompactFormatter.write_i64(writer, value),
            false => Err(not_exact(value)),
        }
    }

    fn write_u64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        match value <= MAX_INTEGER {
            true => CompactFormatter.write_u64(writer, value),
            false => Err(not_exact(value)),
        }
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, _: &mut W, value: f64) -> io::Result<()> {
        Err(not_exact(value))
    }
}

#[cfg(test)]
#[path = "canonical_tests.rs"]
mod tests;
