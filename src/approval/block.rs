//! The armored blocks of a signature file. Pure.

use super::format::ApprovalError;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// Returns the blocks of a signature file.
///
/// # Errors
///
/// Fails if anything but empty lines is outside of a block, or a block has no end.
pub(super) fn split(text: &str) -> Result<Vec<String>, ApprovalError> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    let mut last = 0;
    for (index, line) in text.lines().enumerate() {
        last = index + 1;
        let line = line.trim_end();
        match &mut open {
            None if line == BEGIN => open = Some(format!("{BEGIN}\n")),
            None if line.is_empty() => {}
            Some(block) if line != BEGIN => {
                *block += line;
                block.push('\n');
                if line == END {
                    blocks.extend(open.take());
                }
            }
            _ => return Err(ApprovalError::Format { line: last }),
        }
    }
    match open {
        None => Ok(blocks),
        Some(_) => Err(ApprovalError::Format { line: last }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_separated_and_anything_else_is_named() {
        let one = format!("{BEGIN}\nU1NI\n{END}\n");
        let rows = [
            (String::new(), Ok(0)),
            ("\n\n".to_owned(), Ok(0)),
            (one.clone(), Ok(1)),
            (format!("{one}\n{one}"), Ok(2)),
            (one.replace('\n', "\r\n"), Ok(1)),
            (format!("signed by me\n{one}"), Err(1)),
            (format!("{one}{BEGIN}\nU1NI\n"), Err(5)),
            (format!("{BEGIN}\n{one}"), Err(2)),
        ];
        for (text, expected) in rows {
            let found = match split(&text) {
                Ok(blocks) => {
                    assert!(blocks.iter().all(|block| *block == one), "{text:?}");
                    Ok(blocks.len())
                }
                Err(ApprovalError::Format { line }) => Err(line),
                Err(error) => panic!("{error}"),
            };
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
