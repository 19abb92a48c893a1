//! Where the lab is, for every test that needs it.

use std::path::PathBuf;

/// Returns a setting that `tests/lab/up` has written down.
pub fn lab(name: &str) -> String {
    let directory = std::env::var_os("MRSK_LAB_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/lab")),
        PathBuf::from,
    );
    let text =
        std::fs::read_to_string(directory.join("lab.env")).expect("run tests/lab/up --hosts 8");
    text.lines()
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
        .unwrap_or_else(|| panic!("the lab has no {name}"))
}
