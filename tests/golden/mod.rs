//! Golden files: texts that a test records, and compares with what it gets.

#![allow(
    dead_code,
    reason = "each test file is a crate of its own and uses a part of this"
)]

use std::path::Path;

use similar::TextDiff;

/// Compares texts with golden files. Dropped, it fails the test with a unified diff of each file that
/// differs, so that all of them are compared before the test ends. `MRSK_BLESS=1` rewrites the files.
#[derive(Default)]
pub struct Golden {
    differences: Vec<String>,
}

impl Golden {
    /// Compares `text` with the file at `path`.
    pub fn check(&mut self, path: &Path, text: &str) {
        if std::env::var_os("MRSK_BLESS").is_some() {
            std::fs::write(path, text).expect("the golden file is written");
            return;
        }
        let expected = std::fs::read_to_string(path).unwrap_or_default();
        if expected != text {
            let name = path
                .strip_prefix(env!("CARGO_MANIFEST_DIR"))
                .unwrap_or(path);
            let diff = TextDiff::from_lines(expected.as_str(), text);
            let name = name.display().to_string();
            let diff = diff.unified_diff().header(&name, "now").to_string();
            self.differences.push(diff);
        }
    }

    /// Reports another difference.
    pub fn report(&mut self, difference: String) {
        self.differences.push(difference);
    }
}

impl Drop for Golden {
    fn drop(&mut self) {
        if !self.differences.is_empty() && !std::thread::panicking() {
            panic!(
                "golden files differ; MRSK_BLESS=1 rewrites them:\n{}",
                self.differences.join("\n")
            );
        }
    }
}
