//! Indented JSON, in the form that `serde_json` gives it, which writes each level of a line's indentation by itself.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// As deep as documents usually are, in spaces.
const SPACES: &[u8] = &[b' '; 64];

/// Writes `value` to `out`, with two spaces for each level.
///
/// # Errors
/// Those of `out`, and a value that JSON cannot have.
pub fn write<T: Serialize + ?Sized>(value: &T, out: impl io::Write) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Indented::default()))
}

#[derive(Default)]
struct Indented {
    /// How many spaces stand before what is in the array or object.
    width: usize,
    /// Whether the array or object that was closed or written to last has anything in it.
    has_content: bool,
}

impl Indented {
    fn open(&mut self) {
        self.width += 2;
        self.has_content = false;
    }

    fn close<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.width -= 2;
        if self.has_content {
            self.line(writer, b"\n")?;
        }
        writer.write_all(bracket)
    }

    /// Ends a line with `end`, and begins the next one.
    fn line<W: io::Write + ?Sized>(&self, writer: &mut W, end: &[u8]) -> io::Result<()> {
        writer.write_all(end)?;
        let mut left = self.width;
        while left > 0 {
            let length = left.min(SPACES.len());
            writer.write_all(&SPACES[..length])?;
            left -= length;
        }
        Ok(())
    }
}

impl Formatter for Indented {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open();
        writer.write_all(b"[")
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()>
    where
        W: io::Write + ?Sized,
    {
        let end: &[u8] = if is_first { b"\n" } else { b",\n" };
        self.line(writer, end)
    }

    fn end_array_value<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_content = true;
        Ok(())
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open();
        writer.write_all(b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()>
    where
        W: io::Write + ?Sized,
    {
        self.begin_array_value(writer, is_first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_content = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_document_has_the_form_that_serde_json_gives_it() {
        let mut deep = json!([1, "a\n"]);
        for level in 0..50 {
            deep = json!({"empty": {}, "none": [], "at": level, "in": [deep, null, true]});
        }
        for value in [json!({}), json!([]), json!("a"), deep] {
            let mut text = Vec::new();
            super::write(&value, &mut text).unwrap();
            assert_eq!(text, serde_json::to_vec_pretty(&value).unwrap());
        }
    }
}
