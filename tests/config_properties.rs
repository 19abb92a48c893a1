//! Whatever a configuration or a `.env` file contains, reading it ends, and ends without a panic.

mod erb_world;

use std::fs;
use std::path::Path;

use mrsk::config::dotenv::Environment;
use mrsk::config::{self, Destination};
use mrsk::diagnostic;
use proptest::prelude::*;

use erb_world::Fixed;

/// Returns how many cases are run: `MRSK_FUZZ`, else `few`.
fn cases(few: u32) -> ProptestConfig {
    let asked = std::env::var("MRSK_FUZZ").ok();
    ProptestConfig {
        cases: asked.and_then(|number| number.parse().ok()).unwrap_or(few),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Reads `text`, and renders what comes of it.
fn read(text: &str) -> String {
    both(text, text)
}

/// Reads `text` with `over` merged over it, and renders what comes of it.
fn both(text: &str, over: &str) -> String {
    let destination = Destination {
        name: "staging",
        path: "deploy.staging.yml",
        text: over,
    };
    match config::parse_template("deploy.yml", text, Some(destination), &mut Fixed) {
        Ok(loaded) => {
            config::secrets::secret_names(&loaded.config);
            config::render::fingerprint(&loaded.config);
            config::render::yaml(&config::render::to_json(&loaded.config))
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            diagnostic::render(
                &problems,
                &|_| Some(text.to_owned()),
                mrsk::text::Styling::Ansi,
            )
        }
    }
}

fn fixtures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config");
    let mut files = Vec::new();
    for kind in ["valid", "invalid"] {
        for entry in fs::read_dir(folder.join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy().into_owned();
            if name.ends_with(".yml") && !name.ends_with(".resolved.yml") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// Pieces of YAML, in any order.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "service",
        "servers",
        "env",
        "secret",
        "clear",
        "web",
        "registry",
        "password",
        ":",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "[",
        "]",
        "{",
        "}",
        ",",
        ", ",
        "\"",
        "'",
        "|",
        "|-\n",
        ">",
        "&a ",
        "*a",
        "<<: ",
        "*a ",
        "!!str ",
        "!x ",
        "? ",
        "#",
        " # ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "\t",
        "~",
        "null",
        "true",
        "é",
        "😀",
        "\u{feff}",
        "\r\n",
        "\r",
        "\\",
        "@",
        "`",
        "0",
        "x",
        "<%",
        "\u{85}",
        "\u{2028}",
        "\0",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

/// A fixture with one part of it replaced.
fn mutant() -> impl Strategy<Value = String> {
    let texts = prop::sample::select(fixtures());
    (texts, any::<prop::sample::Index>(), 0..12usize, soup()).prop_map(
        |(text, index, cut, piece)| {
            let mut characters: Vec<char> = text.chars().collect();
            let start = index.index(characters.len() + 1);
            let end = (start + cut).min(characters.len());
            characters.splice(start..end, piece.chars().take(8));
            characters.into_iter().collect()
        },
    )
}

/// A quote that is opened in front of a password and closed behind it makes a key of everything between.
#[test]
fn a_password_that_a_key_swallowed_is_not_shown() {
    for above in [
        "",
        "env:\n  ",
        "env:\n  clear:\n    ",
        "labels:\n  ",
        "accessories:\n  ",
        "accessories:\n  db:\n    ",
        "servers:\n  ",
        "servers:\n  web:\n    ",
        "servers:\n  web:\n    options:\n      ",
        "builder:\n  args:\n    ",
        "traefik:\n  args:\n    ",
        "logging:\n  options:\n    ",
    ] {
        for value in [
            "",
            ": x",
            ": [x]",
            ": {x: y}",
            ": {image: m, host: h, hosts: [h]}",
        ] {
            let text = format!(
                "service: hey\nimage: 37s/hey\n{above}? \"\n  registry:\n  username: u\n  password: hunter2\n  \"\n{value}\n"
            );
            let inline = text.replace("? \"", "\"").replace("\"\n:", "\":");
            for text in [text, inline] {
                if let Err(problems) = config::parse("deploy.yml", &text, None) {
                    let shown = diagnostic::render(
                        &problems,
                        &|_| Some(text.clone()),
                        mrsk::text::Styling::Plain,
                    );
                    assert!(!shown.contains("hunter2"), "{text}\n{shown}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        read(&text);
    }

    #[test]
    fn any_soup_of_yaml_is_read_or_refused(text in soup()) {
        read(&text);
    }

    #[test]
    fn any_mutant_is_read_or_refused(text in mutant()) {
        read(&text);
    }

    #[test]
    fn any_two_mutants_are_merged_or_refused(text in mutant(), over in mutant()) {
        both(&text, &over);
    }

    #[test]
    fn a_file_merged_over_itself_or_over_nothing_is_itself(text in mutant()) {
        if let Ok(mut alone) = config::parse_template("deploy.yml", &text, None, &mut Fixed) {
            alone.config.destination = Some("staging".into());
            let alone = config::render::yaml(&config::render::to_json(&alone.config));
            // The one name in labels that has the destination in it.
            let merged = |text: &str, over: &str| both(text, over).replace("-staging-retry", "-retry");
            prop_assert_eq!(&merged(&text, &text), &alone);
            prop_assert_eq!(&merged("", &text), &alone);
            prop_assert_eq!(&merged(&text, "# nothing\n"), &alone);
        }
    }

    #[test]
    fn no_breakage_around_a_password_shows_it(before in soup(), after in soup()) {
        let text = format!(
            "service: hey\nimage: 37s/hey\n{before}\nregistry:\n  username: u\n  password: hunter2\n{after}\nservers: [h]\n"
        );
        if let Err(problems) = config::parse_template("deploy.yml", &text, None, &mut Fixed) {
            let shown = diagnostic::render(&problems, &|_| Some(text.clone()), mrsk::text::Styling::Plain);
            prop_assert!(!shown.contains("hunter2"), "{}", shown);
        }
        let destination = Destination { name: "staging", path: "deploy.staging.yml", text: &text };
        if let Err(problems) = config::parse_template("deploy.yml", "service: hey\n", Some(destination), &mut Fixed) {
            let source = |file: &str| Some(if file == "deploy.yml" { "service: hey\n".to_owned() } else { text.clone() });
            let shown = diagnostic::render(&problems, &source, mrsk::text::Styling::Plain);
            prop_assert!(!shown.contains("hunter2"), "{}", shown);
        }
    }

    #[test]
    fn no_breakage_around_a_tag_shows_what_it_printed(before in soup(), after in soup()) {
        let tag = "<%= ENV[\"TOKEN\"] %>";
        let text = format!("service: hey\nimage: 37s/hey\n{before}{tag}{after}\nservers: [h]\n");
        if let Err(problems) = config::parse_template("deploy.yml", &text, None, &mut Fixed) {
            let shown = diagnostic::render(&problems, &|_| Some(text.clone()), mrsk::text::Styling::Plain);
            prop_assert!(!shown.contains("hunter2hunter2"), "{}", shown);
        }
    }

    #[test]
    fn reading_is_deterministic(text in mutant()) {
        prop_assert_eq!(read(&text), read(&text));
    }

    #[test]
    fn quoted_env_values_arrive_byte_for_byte(value in "[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u{feff}\u{fffe}\u{ffff}]*") {
        let quoted = serde_json::to_string(&value).unwrap();
        let text = format!("env: {{V: {quoted}}}\nservice: s\nimage: i\nservers: [h]\nregistry: {{server: r}}\nbuilder: {{multiarch: false}}\n");
        let loaded = config::parse("deploy.yml", &text, None).unwrap();
        prop_assert_eq!(&loaded.config.roles[0].env.clear["V"], &value);
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn any_dotenv_is_read_or_refused(text in "[A-C=\\\\'\"$# \n\r{}x]{0,40}") {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".env"), &text).unwrap();
        let _ = Environment::load(dir.path(), None, None, std::iter::empty());
    }

    #[test]
    fn single_quoted_dotenv_values_arrive_as_written(value in "[^'\\\\\\x00\r]*") {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".env"), format!("A=1\nV='{value}'\nB=2\n")).unwrap();
        let environment = Environment::load(dir.path(), None, None, std::iter::empty()).unwrap();
        let (read, after) = (environment.get("V").unwrap(), environment.get("B").unwrap());
        prop_assert_eq!(read.reveal(), &value);
        prop_assert_eq!(after.reveal(), "2");
    }
}

#[test]
fn hostile_documents_are_refused_quickly() {
    let started = std::time::Instant::now();
    for text in [
        "[".repeat(200_000),
        "{".repeat(200_000),
        "- ".repeat(50_000),
        "? ".repeat(20_000),
        format!("a: {}", "x".repeat(2_000_000)),
        "&a ".repeat(20_000),
        "a: &a [*a]\n".repeat(1_000),
        format!(
            "x-a: &a {{{}}}\nenv:\n{}",
            "k: v",
            "  <<: *a\n".repeat(5_000)
        ),
        (0..300_000).map(|n| format!("k{n}: v\n")).collect(),
        "\"".to_owned() + &"\\".repeat(100_001),
    ] {
        assert!(config::parse("deploy.yml", &text, None).is_err());
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
