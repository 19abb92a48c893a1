//! SHA-256 digests as text: 64 lower-case hexadecimal digits, with `sha256:` before them if they name a plan or an image.

use sha2::{Digest, Sha256};

const PREFIX: &str = "sha256:";

/// Returns the SHA-256 of `bytes` as hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The SHA-256 of bytes that come one after the other.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all of them as hexadecimal digits.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Returns `bytes` as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| DIGITS[usize::from(digit)]).collect()
}

/// Returns whether `text` has only lower-case hexadecimal digits.
pub fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns whether `text` is the hexadecimal form of a SHA-256.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

/// Returns `digits` with the prefix.
pub fn prefixed(digits: &str) -> String {
    format!("{PREFIX}{digits}")
}

/// Returns the digits of `sha256:DIGITS`; `None` if `text` is anything else.
pub fn digits(text: &str) -> Option<&str> {
    text.strip_prefix(PREFIX).filter(|digits| is_sha256(digits))
}

/// Returns the first `sha256:DIGITS` in `text`.
pub fn find(text: &str) -> Option<&str> {
    text.match_indices(PREFIX).find_map(|(at, _)| {
        let digest = text.get(at..at + PREFIX.len() + 64)?;
        digits(digest).map(|_| digest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_a_digest() {
        let digest = prefixed(&sha256(b""));
        assert_eq!(
            digest,
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(digits(&digest), digest.strip_prefix("sha256:"));
        let upper = digest.to_uppercase();
        for text in ["", "sha256:", "sha256:ab", &digest[7..], &upper] {
            assert_eq!(digits(text), None, "{text}");
        }
        let text = format!("sha256:ab, then app@{digest}: pushed");
        assert_eq!(find(&text), Some(digest.as_str()));
    }
}
