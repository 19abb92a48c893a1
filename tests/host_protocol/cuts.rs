//! The moments at which a power cut may come: before each line of a script, and before and after each file that is synced.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::disk::{Disk, Image};
use crate::fixture::Fixture;
use crate::mutants::{self, Mutant};

/// A moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Cut {
    /// The script and its line.
    pub at: String,
    pub image: Image,
    /// What had been answered by then: each script that has begun, and the words of its answer.
    pub said: Vec<(&'static str, String)>,
    /// What steps had done by then, a word for each.
    pub done: String,
}

impl Cut {
    /// The script that runs.
    pub fn act(&self) -> &'static str {
        self.said.last().map_or("", |(act, _)| act)
    }

    /// Whether the script `act` has answered with `word`.
    pub fn heard(&self, act: &str, word: &str) -> bool {
        let mut said = self.said.iter();
        said.any(|(of, text)| *of == act && text.split(' ').next() == Some(word))
    }

    /// Whether the script `act` has begun.
    pub fn has_begun(&self, act: &str) -> bool {
        self.said.iter().any(|(of, _)| *of == act)
    }
}

/// Runs scripts on a host, and notes all moments.
pub struct Watch<'a> {
    fixture: &'a Fixture,
    disk: Disk,
    pub cuts: Vec<Cut>,
    said: Vec<(&'static str, String)>,
}

impl<'a> Watch<'a> {
    pub fn new(fixture: &'a Fixture) -> Self {
        for name in ["moment", "go"] {
            let made = Command::new("mkfifo").arg(fixture.path(name)).status();
            assert!(made.unwrap().success());
        }
        fixture.fake(
            "sync",
            r#"files=
for file
do
  case $file in
  /*) files="$files $file" ;;
  *) files="$files $PWD/$file" ;;
  esac
done
printf 'sync%s\n' "$files" >"$ROOT/moment"
read -r go <"$ROOT/go""#,
        );
        Self {
            fixture,
            disk: Disk::new(fixture.path("home")),
            cuts: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Runs the script `act`.
    pub fn run(&mut self, act: &'static str, script: &str) {
        // A mutant is judged behind each script.
        let script = match mutants::wanted() {
            Some(mutant) => edited(script, mutant),
            None => with_moments(script),
        };
        let said = fs::File::create(self.fixture.path("said")).unwrap();
        let mut child = {
            let shell = self.fixture.shell_under(&[]);
            Command::new(shell.argv.last().unwrap())
                .current_dir(&shell.directory)
                .envs(shell.variables)
                .stdin(Stdio::piped())
                .stdout(said)
                .spawn()
                .unwrap()
        };
        // Open for both, so that nobody waits for the other side.
        let both = |name| {
            let mut options = fs::OpenOptions::new();
            let path = self.fixture.path(name);
            options.read(true).write(true).open(path).unwrap()
        };
        let mut go = both("go");
        let (mut end, moments) = (both("moment"), BufReader::new(both("moment")));
        let mut input = child.stdin.take().unwrap();
        let feeding = std::thread::spawn(move || {
            let _ = input.write_all(script.as_bytes());
            drop(input);
            child.wait().unwrap();
            writeln!(end, "over").unwrap();
        });
        let mut at = format!("{act}: its beginning");
        for moment in moments.lines() {
            let moment = moment.unwrap();
            let mut words = moment.split(' ');
            match words.next() {
                Some("line") => {
                    at = format!("{act}, {moment}");
                    self.note(act, &at);
                }
                Some("sync") => {
                    let files: Vec<&str> = words.collect();
                    self.note(act, &at);
                    for file in &files {
                        self.disk.sync(file.as_ref());
                        self.note(act, &format!("{at}, behind the sync of {file}"));
                    }
                    if files.is_empty() {
                        self.disk.sync_all();
                    }
                }
                _ => break,
            }
            go.write_all(b"\n").unwrap();
        }
        feeding.join().unwrap();
        self.note(act, &format!("{act}, its end"));
        self.said = self.cuts.last().unwrap().said.clone();
        assert!(
            self.said.contains(&(act, "end".to_owned())),
            "{:?}",
            self.said
        );
    }

    /// Notes a moment, unless nothing is new.
    fn note(&mut self, act: &'static str, at: &str) {
        let mut said = self.said.clone();
        said.push((act, String::new()));
        let text = self.fixture.read("said");
        let lines = text.lines().filter_map(|line| line.strip_prefix("@mrsk "));
        said.extend(lines.map(|line| (act, line.to_owned())));
        let cut = Cut {
            at: at.to_owned(),
            image: self.disk.look(),
            said,
            done: self.fixture.read("done"),
        };
        let is_new = |last: &Cut| {
            (&last.image, &last.said) != (&cut.image, &cut.said) || last.done != cut.done
        };
        if self.cuts.last().is_none_or(is_new) {
            self.cuts.push(cut);
        }
    }
}

/// Returns the script with the edits of a mutant.
fn edited(script: &str, mutant: &Mutant) -> String {
    let edits = mutant.edits.iter();
    edits.fold(script.to_owned(), |script, (from, to)| {
        script.replace(from, to)
    })
}

/// Has the script wait before each of its lines, until the moment is noted. Not before a word of a `case` or the `do` of a `for`, nor in a quoted text.
fn with_moments(script: &str) -> String {
    let mut text = String::from("{\nmrsk_moment() {\n  mrsk_moment_status=$?\n");
    text.push_str(
        "  printf 'line %s\\n' \"$1\" >\"$ROOT/moment\"\n  read -r mrsk_moment_go <\"$ROOT/go\"\n",
    );
    text.push_str("  return \"$mrsk_moment_status\"\n}\n");
    let (mut is_quoted, mut before) = (false, "");
    for (number, line) in script.lines().enumerate().skip(1) {
        let trimmed = line.trim();
        let is_word =
            before.starts_with("case") || before.ends_with(";;") || before.starts_with("for");
        let is_plain = !trimmed.is_empty() && !trimmed.starts_with('#');
        if is_plain && !is_quoted && !is_word && !line.ends_with("() {") && !goes_on(before) {
            text.push_str(&format!("mrsk_moment {number}\n"));
        }
        text.push_str(line);
        text.push('\n');
        if is_plain || is_quoted {
            is_quoted ^= line.replace("\\'", "").matches('\'').count() % 2 == 1;
            before = trimmed;
        }
    }
    text
}

/// Whether a command goes on behind this line.
fn goes_on(line: &str) -> bool {
    ["||", "&&", "|", "\\"]
        .iter()
        .any(|end| line.ends_with(end))
}
