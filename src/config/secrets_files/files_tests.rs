use std::collections::BTreeSet;

use super::*;
use crate::config::dotenv::Environment;
use crate::secret::{Secret, Secrets};

/// Prints what a command says after `say `, and notes what it has run.
#[derive(Default)]
struct Echo(Vec<String>);

impl Runner for Echo {
    fn run(&mut self, command: &Command, variables: &Secrets) -> Result<Secret, (String, String)> {
        self.0.push(command.text.clone());
        let words = command.text.trim().strip_prefix("say ");
        let words = words.ok_or_else(|| ("failed".to_owned(), "try again".to_owned()))?;
        let mut text = words.to_owned();
        for (name, value) in variables {
            text = text.replace(&format!("${name}"), value.reveal());
        }
        Ok(Secret::new(text + "\n\n"))
    }
}

fn environment() -> Environment {
    let variables = [("HOME_DIR", "/home"), ("TOKEN", "of-environment")];
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect()
}

fn files(texts: &[&str]) -> SecretsFiles {
    let texts = texts.iter().enumerate();
    let files = texts.map(|(at, text)| (format!("secrets{at}"), Ok(text.as_bytes().to_vec())));
    SecretsFiles::parse(files).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Returns the value of A, and the commands that were run for it.
fn value(texts: &[&str]) -> (String, Vec<String>) {
    let sources = SecretSources::new(environment(), files(texts));
    let mut echo = Echo::default();
    let names = BTreeSet::from(["A".to_owned()]);
    let read = sources.read(&names, &mut echo);
    let value = match sources.lookup("A") {
        Lookup::Known(secret) => secret.reveal().to_owned(),
        other => format!("{other:?} {read:?}"),
    };
    (value, echo.0)
}

#[test]
fn values_are_read_as_dotenv_reads_them() {
    for (text, expected) in [
        ("A=b", "b"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("export A=b", "b"),
        ("A = b", "b"),
        ("A: b", "b"),
        ("A=b c  ", "b c"),
        ("A=b # comment's", "b"),
        ("A='$x `y` #z \\n'", "$x `y` #z \\n"),
        ("A='a\nb'\nB=c", "a\nb"),
        ("A=\"a\nb\" # c", "a\nb"),
        ("A=\"a\\nb\"", "a\\nb"),
        ("A=\"a \\\"b\\\" \\$c\"", "a \"b\" $c"),
        ("A=a\\$b", "a$b"),
        ("A=a$", "a$"),
        ("A=a$-b", "a$-b"),
        ("A=it's", "it's"),
        ("A=$HOME_DIR/x", "/home/x"),
        ("A=\"${HOME_DIR}x\"", "/homex"),
        ("B=1\nA=$B$B\nB=2", "11"),
        ("A=1\nA=$A$A", "11"),
        ("A=$TOKEN", "of-environment"),
        ("TOKEN=own\nA=$TOKEN", "own"),
        ("\u{feff}A=b\r\n", "b"),
        ("# A=c\n\n  \nA=b", "b"),
        ("A=é✓", "é✓"),
        ("A=b=c==", "b=c=="),
    ] {
        assert_eq!(value(&[text]), (expected.to_owned(), vec![]), "{text}");
    }
}

#[test]
fn commands_are_kept_as_they_are_written() {
    for (text, command) in [
        ("A=$(say x)", "say x"),
        ("A=\"$(say x)\"", "say x"),
        ("A=$(say (x (y)) z)", "say (x (y)) z"),
        ("A=$(say ')' \"(\" x)", "say ')' \"(\" x"),
        ("A=$(say x # y)", "say x # y"),
        ("A=\"$(say \\\"x\\\")\"", "say \"x\""),
        ("A=\"$(say \"x y\")\"", "say \"x y\""),
        ("A=$(say '\\$1' 'a\\nb')", "say '$1' 'a\\nb'"),
        ("A=\"$(say x |\n say y)\"", "say x |\n say y"),
        ("A=$(say $(say x))", "say $(say x)"),
        ("A=$( say x )", " say x "),
    ] {
        let files = files(&[text]);
        let commands = files.commands_of("A");
        let texts: Vec<&str> = commands
            .iter()
            .map(|command| command.text.as_str())
            .collect();
        assert_eq!(texts, [command], "{text}");
    }
    assert!(
        files(&["A='$(say x)'\nB=\\$(say x)"])
            .commands_of("A")
            .is_empty()
    );
    assert_eq!(value(&["A=\\$(say x)"]).0, "$(say x)");
}

#[test]
fn a_command_is_run_once_and_for_what_needs_it_alone() {
    let text = "S=$(say one $TOKEN)\nA=$(say a $S)-$(say one $TOKEN)\nB=$(say b)\n";
    let files = files(&[text]);
    assert_eq!(files.commands_of("B").len(), 1);
    let (found, run) = value(&[text]);
    assert_eq!(found, "a one of-environment-one of-environment");
    assert_eq!(run, ["say one $TOKEN", "say a $S"]);
}

#[test]
fn a_later_file_wins_and_sees_the_earlier() {
    let common = "A=common\nV=$(say v)\n";
    let (found, run) = value(&[common, "A=$A/$V/$TOKEN"]);
    assert_eq!(found, "common/v/of-environment");
    assert_eq!(run, ["say v"]);
    assert_eq!(value(&[common, "A=own"]).0, "own");
}

#[test]
fn problems_name_their_place_and_nothing_of_a_value() {
    for (text, expected) in [
        ("A=b\nhunter2", "secrets0:2"),
        ("A=b\n1A=hunter2", "secrets0:2"),
        ("A=hunter2#x", "secrets0:1:10"),
        ("A='hunter2\nB=c", "secrets0:1:3"),
        ("A=\"hunter2\nB=c", "secrets0:1:3"),
        ("A='hunter2' x", "secrets0:1:13"),
        ("A=hunter2$1", "secrets0:1:10"),
        ("A=${hunter2:-x}", "secrets0:1:3"),
        ("A=$(say hunter2\nB=c", "secrets0:1:3"),
        ("A=$()", "secrets0:1:3"),
        ("A=$(say 'op://$B/x')", "secrets0:1:15"),
    ] {
        let file = ("secrets0".to_owned(), Ok(text.as_bytes().to_vec()));
        let problems = SecretsFiles::parse([file].into_iter()).expect_err(text);
        let places = problems.iter().filter_map(|problem| problem.place.as_ref());
        let places: Vec<String> = places.map(ToString::to_string).collect();
        assert_eq!(places, [expected], "{text}");
        assert!(problems.iter().all(|problem| problem.source_hidden));
        assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
    }
}

#[test]
fn what_has_no_value_is_said() {
    let sources = SecretSources::new(environment(), files(&["A=x$NONE\nB=$(fail)\nC=$(say  )\n"]));
    assert!(matches!(sources.lookup("OTHER"), Lookup::Unset));
    assert!(matches!(sources.lookup("TOKEN"), Lookup::Known(_)));
    assert!(matches!(sources.lookup("B"), Lookup::Late));
    let Lookup::Unresolved(problem) = sources.lookup("A") else {
        panic!("it refers to nothing");
    };
    assert_eq!(problem.message, "`$NONE` is not set");
    let error = |name: &str| {
        let names = BTreeSet::from([name.to_owned()]);
        let error = sources.read(&names, &mut Echo::default()).unwrap_err();
        (error.message, error.place.unwrap().line)
    };
    assert_eq!(error("B"), ("the command `fail` failed".to_owned(), 2));
    let empty = SecretSources::new(environment(), files(&["A=$(say $E)\n"]));
    let empty = empty
        .read(&BTreeSet::from(["A".to_owned()]), &mut Empty)
        .unwrap_err();
    assert_eq!(empty.message, "the command `say $E` printed nothing");
}

/// Prints nothing but a line break.
struct Empty;

impl Runner for Empty {
    fn run(&mut self, _: &Command, _: &Secrets) -> Result<Secret, (String, String)> {
        Ok(Secret::new("\n"))
    }
}

#[test]
fn a_file_that_grows_without_end_is_refused() {
    let mut text = "A0=xxxxxxxx\nE0=\n".to_owned();
    for at in 1..60 {
        let before = at - 1;
        text += &format!("A{at}=$A{before}$A{before}\nE{at}=$E{before}$E{before}\n");
    }
    text += "A=$A59\nB=$E59\n";
    let sources = SecretSources::new(environment(), files(&[&text]));
    assert!(matches!(sources.lookup("B"), Lookup::Known(_)));
    assert!(matches!(sources.lookup("A"), Lookup::Unresolved(_)));
}

#[test]
fn a_plan_learns_names_hashes_and_commands() {
    let files = files(&["V=x\n", "A=$(say $V)\nB=$V\nC=$A\n"]);
    let origins = Origins::of(None, &files);
    let hashes = origins.files.iter().filter(|file| file.sha256.is_some());
    assert_eq!(hashes.count(), 2);
    let commands = |name: &str| origins.commands[name].join("; ");
    assert_eq!(
        [commands("A"), commands("B"), commands("C")],
        ["say $V", "", "say $V"]
    );
    let plain = Origins::of(None, &self::files(&["A=b\n"]));
    assert!(plain.files.iter().all(|file| file.sha256.is_none()));
    assert!(is_usual(".kamal/secrets.east", Some("east")) && !is_usual("x/secrets", None));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_in_single_quotes_is_its_own_value(text in "[^'\r]{0,40}") {
            let line = format!("A='{text}'\nB=c\n");
            prop_assert_eq!(value(&[&line]).0, text);
        }

        #[test]
        fn any_text_with_backslashes_in_double_quotes_is_its_own_value(text in "[^nr]{0,40}") {
            let mut line = "A=\"".to_owned();
            for c in text.chars() {
                if matches!(c, '"' | '\\' | '$') {
                    line.push('\\');
                }
                line.push(c);
            }
            prop_assert_eq!(value(&[&(line + "\"")]).0, text);
        }

        #[test]
        fn no_text_is_run_that_is_not_in_the_file(text in "\\PC{0,60}") {
            if let Ok(files) = SecretsFiles::parse([("s".to_owned(), Ok(text.clone().into_bytes()))].into_iter()) {
                for name in files.names() {
                    for command in files.commands_of(name) {
                        let plain = text.replace('\\', "");
                        prop_assert!(plain.contains(&command.text.replace('\\', "")));
                    }
                }
            }
        }
    }
}
