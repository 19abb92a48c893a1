//! Zstandard, for plans that are written to a file and read from one.

use std::io::{self, Read, Write};
use std::path::Path;

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// The largest text that is read from a file, compressed or not, in bytes. A plan of 10,000 hosts has two thirds of it.
pub const MAX_BYTES: usize = 512 << 20;

/// What a compressed file begins with.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The length of what is compressed at once. Each part is a frame of its own, which every reader of zstd puts together again.
const PART: usize = 4 << 20;

/// Why compressed bytes cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// They stand for more than the limit.
    #[error("decompresses to more than {} MiB", .0 >> 20)]
    TooLarge(usize),
    /// They are cut, or not zstd.
    #[error("is not valid zstd data: {0}")]
    Damaged(String),
}

/// Returns whether a file of this name is compressed when it is written.
pub fn is_compressed_name(path: &Path) -> bool {
    let ending = path.extension();
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("zst"))
}

/// Returns whether `bytes` are compressed.
pub fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Returns what `bytes` stand for, which is at most `limit` bytes: a small file can stand for more than there is memory.
///
/// # Errors
/// Those of [`Problem`].
pub fn decompress(mut bytes: &[u8], limit: usize) -> Result<Vec<u8>, Problem> {
    let mut decoder = FrameDecoder::new();
    let mut text = Vec::new();
    while !bytes.is_empty() {
        let room = limit.saturating_sub(text.len()).saturating_add(1);
        match StreamingDecoder::new_with_decoder(&mut bytes, &mut decoder) {
            Ok(frame) => {
                let most = u64::try_from(room).unwrap_or(u64::MAX);
                frame.take(most).read_to_end(&mut text).map_err(damaged)?;
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => bytes = bytes.get(length as usize..).unwrap_or_default(),
            Err(error) => return Err(damaged(error)),
        }
        if text.len() > limit {
            return Err(Problem::TooLarge(limit));
        }
    }
    Ok(text)
}

/// Returns the first bytes of what the beginning of a compressed file stands for, as far as they are there.
pub fn beginning(mut bytes: &[u8], length: usize) -> Vec<u8> {
    let mut text = vec![0; length];
    let frame = StreamingDecoder::new(&mut bytes);
    let read = frame.map(|mut frame| frame.read(&mut text).unwrap_or_default());
    text.truncate(read.unwrap_or_default());
    text
}

fn damaged(error: impl std::error::Error) -> Problem {
    Problem::Damaged(error.to_string())
}

/// Compresses what is written to it. The last part is written when it is flushed.
pub struct Compressing<W> {
    out: W,
    part: Vec<u8>,
}

impl<W: Write> Compressing<W> {
    /// Returns what writes to `out`.
    pub fn new(out: W) -> Self {
        let part = Vec::with_capacity(PART);
        Self { out, part }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        if !self.part.is_empty() {
            let frame = compress_to_vec(self.part.as_slice(), CompressionLevel::Fastest);
            self.out.write_all(&frame)?;
            self.part.clear();
        }
        Ok(())
    }
}

impl<W: Write> Write for Compressing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PART - self.part.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.part.extend_from_slice(taken);
        if self.part.len() == PART {
            self.pass_on()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = Compressing::new(&mut bytes);
        out.write_all(text).unwrap();
        out.flush().unwrap();
        bytes
    }

    #[test]
    fn what_is_compressed_is_read_again() {
        for length in [1, 1000, PART - 1, PART, PART + 1, 2 * PART + 7] {
            let text: Vec<u8> = b"{\"a\": 17}\n"
                .iter()
                .copied()
                .cycle()
                .take(length)
                .collect();
            let bytes = compressed(&text);
            assert!(is_compressed(&bytes), "{length}");
            assert!(
                length < 1000 || bytes.len() < length / 4,
                "{length}: {}",
                bytes.len()
            );
            assert!(decompress(&bytes, length).unwrap() == text, "{length}");
            assert!(text.starts_with(&beginning(&bytes, 100)), "{length}");
            let limited = decompress(&bytes, length - 1);
            assert!(matches!(limited, Err(Problem::TooLarge(_))), "{length}");
        }
    }

    #[test]
    fn a_small_file_that_stands_for_more_than_the_limit_is_refused_early() {
        // A frame with a window of 128 KiB, and blocks that repeat a byte 100,000 times.
        let mut bomb = MAGIC.to_vec();
        bomb.extend([0, 0x38]);
        for _ in 0..1000 {
            bomb.extend([0x02, 0x35, 0x0c, b'x']);
        }
        let refused = decompress(&bomb, 1 << 20);
        let message = refused.map(drop).unwrap_err().to_string();
        assert_eq!(message, "decompresses to more than 1 MiB");
    }

    #[test]
    fn damaged_data_is_refused() {
        let bytes = compressed(&b"{\"a\": [1, 2, 3]}".repeat(1000));
        for cut in [3, 5, bytes.len() / 2, bytes.len() - 1] {
            let refused = decompress(&bytes[..cut], MAX_BYTES);
            assert!(
                matches!(refused, Err(Problem::Damaged(_))),
                "{cut}: {refused:?}"
            );
        }
        let mut more = bytes.clone();
        more.extend(b"more");
        assert!(matches!(
            decompress(&more, MAX_BYTES),
            Err(Problem::Damaged(_))
        ));
        let mut skippable = vec![0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2];
        skippable.splice(0..0, bytes.clone());
        assert_eq!(
            decompress(&skippable, MAX_BYTES).unwrap(),
            decompress(&bytes, MAX_BYTES).unwrap()
        );
    }
}
