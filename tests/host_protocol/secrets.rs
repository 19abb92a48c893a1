//! Secrets arrive byte for byte, and are in no argument vector, file or answer.

use std::fs;
use std::path::Path;

use mrsk::action::{Action, Run};
use mrsk::name::{RunId, SecretVariable};
use mrsk::record::Ending;
use mrsk::secret::{Secret, Secrets};
use mrsk::transport::request::{Inputs, StepRequest};
use mrsk::transport::script::RenderError;
use mrsk::transport::{Host, LinkError, script};

use crate::fixture::{Fixture, Sh, block, sh_c, start, step, which};

const SENTINEL: &str = "s3ntinel-\n'single' \"double\" $HOME `id` \\n \\\nü😀\n\n";

fn inputs() -> Inputs {
    let names = ["TOKEN", "out", "n", "IFS_", "PASSWORD"];
    let secrets: Secrets = names
        .iter()
        .map(|name| ((*name).to_owned(), Secret::new(SENTINEL)))
        .collect();
    Inputs {
        secrets,
        ..Inputs::default()
    }
}

fn with_secrets(run: Run) -> Run {
    Run {
        env: ["TOKEN", "out", "n", "IFS_"]
            .map(SecretVariable::from)
            .to_vec(),
        stdin: Some("PASSWORD".to_owned()),
        ..run
    }
}

/// A step that hands secrets to a command, to one that explains its failure and to one that undoes it.
fn steps() -> StepRequest {
    let docker = |argument| with_secrets(Run::literal(["docker", argument]));
    let shown = with_secrets(sh_c("cat; printf '%s' \"$TOKEN\"; exit 1"));
    StepRequest {
        actions: vec![Action::Run(docker("login")), Action::Run(shown)],
        diagnose: vec![docker("explain")],
        cleanup: vec![Action::Run(docker("undo"))],
        timeout_seconds: 60,
        ..step("secret", &[])
    }
}

const DOCKER: &str = r#"{ tr '\0' '\n' </proc/$$/cmdline; } >>"$ROOT/argv"
cat >"$ROOT/$1.stdin"
printf '%s' "$TOKEN" >"$ROOT/$1.TOKEN"
printf '%s' "$out" >"$ROOT/$1.out"
printf '%s' "$n" >"$ROOT/$1.n""#;

#[test]
fn they_arrive_byte_for_byte_and_nowhere_else() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fake("docker", DOCKER);
        let (receipt, output, diagnosis) = fixture.run_one(&steps(), &inputs());
        assert_eq!(receipt.value, None);
        for command in ["login", "explain", "undo"] {
            for way in ["stdin", "TOKEN", "out", "n"] {
                assert_eq!(
                    fixture.read(&format!("{command}.{way}")),
                    SENTINEL,
                    "{sh:?} {command} {way}"
                );
            }
        }
        assert!(fixture.read("argv").contains("login"));
        for text in [fixture.read("argv"), output, diagnosis] {
            assert!(!text.contains("s3ntinel"), "{sh:?}: {text}");
        }
    }
}

#[test]
fn one_that_docker_would_read_travels_as_a_line() {
    let path = "/nowhere 'single' \"double\" $HOME `id` \\n ü";
    let mut request = step("create", &[]);
    request.actions = vec![Action::Run(Run {
        env: vec!["TOKEN:OTHER".into()],
        env_file: vec!["PATH:MY_PATH".into(), "HTTP_PROXY".into()],
        ..Run::literal(["docker", "create"])
    })];
    let mut inputs = inputs();
    for (name, value) in [
        ("MY_PATH", path),
        ("OTHER", SENTINEL),
        ("TOKEN", "not this"),
    ] {
        inputs.secrets.insert(name.to_owned(), Secret::new(value));
    }
    inputs
        .secrets
        .insert("HTTP_PROXY".to_owned(), Secret::new("http://proxy"));
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fake(
            "docker",
            &format!("{DOCKER}\nprintf %s \"$HTTP_PROXY\" >\"$ROOT/exported\""),
        );
        let (receipt, ..) = fixture.run_one(&request, &inputs);
        assert_eq!(receipt.ending, Ending::Succeeded, "{sh:?}");
        let lines = format!("PATH={path}\nHTTP_PROXY=http://proxy\n");
        assert_eq!(fixture.read("create.stdin"), lines, "{sh:?}");
        assert_eq!(fixture.read("create.TOKEN"), SENTINEL, "{sh:?}");
        assert_eq!(fixture.read("exported"), "", "{sh:?}");
        assert!(!fixture.read("argv").contains("nowhere"), "{sh:?}");
    }
    inputs
        .secrets
        .insert("HTTP_PROXY".to_owned(), Secret::new("a\nb"));
    let rendered = script::start(
        &Fixture::new(Sh::all()[0]).place(),
        &RunId::from("r"),
        &[request],
        &inputs,
    );
    assert!(matches!(rendered, Err(RenderError::LineBreak(name)) if name == "HTTP_PROXY"));
}

#[test]
fn they_are_in_no_argument_vector() {
    let Some(strace) = which("strace") else {
        eprintln!("not tested: strace is missing");
        return;
    };
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fake("docker", DOCKER);
        fixture.fence("r1");
        let log = fixture.path("trace").display().to_string();
        let strace = strace.display().to_string();
        let prefix = [
            &strace,
            "-f",
            "-s",
            "65536",
            "-e",
            "trace=execve",
            "-o",
            &log,
        ];
        let host = Host::local(fixture.shell_under(&prefix));
        let (place, inputs) = (fixture.place(), inputs());
        block(start(&host, &place, "r1", &[steps()], &inputs)).unwrap();
        let trace = fixture.read("trace");
        assert!(
            trace.contains("[\"docker\", \"login\"]") || trace.contains("\"login\"]"),
            "{sh:?}"
        );
        assert!(!trace.contains("s3ntinel"), "{sh:?}");
        assert!(
            !contains(&fixture.path("state"), "s3ntinel", &["output"]),
            "{sh:?}"
        );
    }
}

/// Whether a file under `directory` holds `text`, but those named `except`: what a command prints is its own affair.
fn contains(directory: &Path, text: &str, except: &[&str]) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            contains(&path, text, except)
        } else {
            !except.contains(&name.as_str())
                && fs::read_to_string(&path).unwrap_or_default().contains(text)
        }
    })
}

#[test]
fn names_that_cannot_be_variables_are_refused() {
    let fixture = Fixture::new(Sh::Dash);
    for name in ["", "1A", "A-B", "A B", "A=$(id)", "mrsk_dir", "Ä"] {
        let inputs = Inputs {
            secrets: [(name.to_owned(), Secret::new("x"))].into(),
            ..Inputs::default()
        };
        let run = Run {
            env: vec![name.into()],
            ..Run::literal(["true"])
        };
        let step = StepRequest {
            actions: vec![Action::Run(run)],
            ..step("one", &[])
        };
        let error = fixture.start_with("r1", &[step], &inputs).unwrap_err();
        assert!(
            matches!(
                error,
                LinkError::Request(script::RenderError::SecretName(_))
            ),
            "{name}"
        );
    }
}
