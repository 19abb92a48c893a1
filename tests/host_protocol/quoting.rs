//! Any text arrives as it was.

use mrsk::transport::quote::quote;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::fixture::{Fixture, Sh, feed};

fn texts() -> impl Strategy<Value = Vec<String>> {
    let nasty = prop::sample::select(vec![
        "", "-n", "--", "-e", "'", "''", "\\", "\\'", "\n", "\n\n", "$HOME", "$(id)", "`id`", "\"",
        "!", "*", "~", "a b", "\t", "ü", "\u{2028}", "😀", "%s", "\r\n", "{", "}", "#", "'\\''",
        "EOF",
    ]);
    let part = prop_oneof![nasty.prop_map(str::to_owned), "[^\\x00]{0,12}"];
    let text = prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat());
    prop::collection::vec(text, 1..20)
}

#[test]
fn words_arrive_in_every_shell() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let mut runner = TestRunner::new(Config {
            cases: 100,
            failure_persistence: None,
            ..Config::default()
        });
        runner
            .run(&texts(), |texts| {
                let words: Vec<String> = texts.iter().map(|text| quote(text).unwrap()).collect();
                let script = format!("{{\nprintf '%s\\000' {}\n}}\n", words.join(" "));
                let output = feed(&fixture, script.as_bytes()).stdout;
                let expected: Vec<u8> = texts
                    .iter()
                    .flat_map(|text| [text.as_bytes(), b"\0"].concat())
                    .collect();
                prop_assert_eq!(output, expected, "{:?}", sh);
                Ok(())
            })
            .unwrap();
    }
}
