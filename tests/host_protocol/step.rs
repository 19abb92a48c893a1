//! Claims, receipts, what actions do.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use base64::Engine;
use mrsk::action::{Action, Arg, PushedImage, Run, Upload, Write};
use mrsk::name::{RunId, Sha256Hex, StepId};
use mrsk::record::{AttemptState, Ending};
use mrsk::transport::answer::Event;
use mrsk::transport::request::{Inputs, StepRequest};
use mrsk::transport::{LinkError, script};

use crate::fixture::{Fixture, Sh, attempt, block, eventually, sh_c, start, step};
use crate::mutants;

#[test]
fn a_step_runs_once() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        assert_eq!(fixture.fence("r1"), []);
        let step = step("one", &["echo out; echo error >&2; echo x >>$ROOT/ran"]);
        let events = fixture.start("r1", std::slice::from_ref(&step)).unwrap();
        let [
            Event::Claimed { .. },
            Event::Ended {
                receipt, output, ..
            },
        ] = &events[..]
        else {
            panic!("{sh:?}: {events:?}");
        };
        assert_eq!(receipt.ending, Ending::Succeeded, "{sh:?}");
        assert_eq!(receipt.run, RunId::from("r1"));
        assert!(receipt.started > 0 && receipt.ended >= receipt.started);
        assert_eq!(output, "", "told for failures only");
        let output = fixture.output(&step);
        assert_eq!(output, "out\nerror\n");
        let [listed] = &fixture.list()[..] else {
            panic!("one attempt")
        };
        assert_eq!(listed.state, AttemptState::Ended(receipt.clone()));
        let events = fixture.start("r1", std::slice::from_ref(&step)).unwrap();
        assert_eq!(events, [Event::AlreadyClaimed(step.step.clone(), 1)]);
        assert_eq!(fixture.read("ran"), "x\n", "{sh:?}");
        let mode = fs::metadata(fixture.path("state/app@"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

#[test]
fn a_failure_is_explained_and_undone_and_ends_the_batch() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let failing = StepRequest {
            diagnose: vec![sh_c("seq 1 200; echo why >&2"), sh_c("exit 9")],
            cleanup: vec![
                Action::Run(sh_c("exit 4")),
                Action::Run(sh_c("echo x >$ROOT/undone")),
            ],
            ..step(
                "failing",
                &["echo begun", "echo broken; exit 7", "echo x >$ROOT/after"],
            )
        };
        let batch = [
            step("one", &["true"]),
            failing,
            step("three", &["echo x >$ROOT/after"]),
        ];
        let events = fixture.start("r1", &batch).unwrap();
        let Some(Event::Ended {
            receipt,
            output,
            diagnosis,
            ..
        }) = events.last()
        else {
            panic!("{events:?}")
        };
        assert_eq!(events.len(), 4, "{sh:?}: {events:?}");
        assert_eq!(receipt.ending, Ending::Failed { code: 7 }, "{sh:?}");
        assert!(output.starts_with("begun\nbroken\n"), "{output}");
        assert!(output.contains("cleanup failed with status 4"), "{output}");
        assert!(
            diagnosis.contains("\n200\nwhy\n") && !diagnosis.contains("\n50\n"),
            "{diagnosis}"
        );
        assert_eq!(fixture.read("undone"), "x\n");
        assert_eq!(fixture.read("after"), "");
        assert_eq!(fixture.list().len(), 2);
    }
}

#[test]
fn a_command_that_is_not_there_fails_the_step() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let step = StepRequest {
            actions: vec![Action::Run(Run::literal(["no-such-command"]))],
            ..step("one", &[])
        };
        let (receipt, output, _) = fixture.run_one(&step, &Inputs::default());
        assert_eq!(receipt.ending, Ending::Failed { code: 127 }, "{sh:?}");
        assert!(output.contains("no-such-command"), "{output}");
    }
}

#[test]
fn a_prune_waits_for_another_one_and_fails_for_other_reasons_at_once() {
    let prune = |name: &str| StepRequest {
        actions: vec![
            Action::Run(Run::literal(["docker", "container", "prune", "--force"])),
            Action::Run(sh_c("echo x >>$ROOT/after")),
        ],
        ..step(name, &[])
    };
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fake(
            "docker",
            "echo x >>$ROOT/asked\n\
             [ $(cat $ROOT/asked | wc -l) -gt 2 ] && echo gone && exit 0\n\
             echo 'Error response from daemon: a prune operation is already running' >&2\nexit 1",
        );
        let (receipt, _, _) = fixture.run_one(&prune("one"), &Inputs::default());
        assert_eq!(receipt.ending, Ending::Succeeded, "{sh:?}");
        assert_eq!(fixture.read("asked"), "x\nx\nx\n", "{sh:?}");
        assert_eq!(fixture.read("after"), "x\n");

        fixture.fake(
            "docker",
            "echo x >>$ROOT/failed; echo 'no space left' >&2; exit 3",
        );
        let (receipt, output, _) = fixture.run_one(&prune("two"), &Inputs::default());
        assert_eq!(receipt.ending, Ending::Failed { code: 3 }, "{sh:?}");
        assert!(output.contains("no space left"), "{output}");
        assert_eq!(fixture.read("failed"), "x\n", "{sh:?}");
        assert_eq!(fixture.read("after"), "x\n");
    }
}

#[test]
fn files_arrive_whole_with_their_mode() {
    let text = "a 'b' $c `d`\n\\e\n-n\nü\n\n";
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let (text_hash, bytes_hash) = (Sha256Hex::of(text.as_bytes()), Sha256Hex::of(&bytes));
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let path = |name: &str| fixture.path(name).display().to_string();
        let upload = |sha256: &Sha256Hex, template| Upload {
            source: "bytes".into(),
            sha256: sha256.clone(),
            path: path("bytes"),
            mode: "0600".into(),
            owner: None,
            template,
            env: BTreeMap::new(),
            aliases: Vec::new(),
        };
        let inputs = Inputs {
            contents: [(text_hash.clone(), text.to_owned())].into(),
            uploads: [(upload(&bytes_hash, false), bytes.clone())].into(),
            ..Inputs::default()
        };
        let step = StepRequest {
            actions: vec![
                Action::Write(Write {
                    path: path("new dir/text"),
                    content: text_hash.clone(),
                    mode: "0644".into(),
                }),
                Action::Upload(upload(&bytes_hash, false)),
            ],
            ..step("files", &[])
        };
        let (receipt, output, _) = fixture.run_one(&step, &inputs);
        assert_eq!(receipt.ending, Ending::Succeeded, "{sh:?} {output}");
        let mode = |name: &str| {
            fs::metadata(fixture.path(name))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(fixture.read("new dir/text"), text);
        assert_eq!(fs::read(fixture.path("bytes")).unwrap(), bytes);
        assert_eq!(
            (mode("new dir"), mode("new dir/text"), mode("bytes")),
            (0o755, 0o644, 0o600)
        );

        let wrong = Sha256Hex::of(b"other");
        let inputs = Inputs {
            uploads: [false, true]
                .map(|template| (upload(&wrong, template), bytes.clone()))
                .into(),
            ..Inputs::default()
        };
        let run = |name: &str, template| {
            let step = StepRequest {
                actions: vec![Action::Upload(upload(&wrong, template))],
                ..crate::fixture::step(name, &[])
            };
            let (receipt, output, _) = fixture.run_one(&step, &inputs);
            (receipt.ending, output)
        };
        let (ending, output) = run("wrong", false);
        assert_eq!(ending, Ending::Failed { code: 1 }, "{sh:?}");
        assert!(output.contains("SHA-256"), "{output}");
        let (ending, output) = run("of a template", true);
        assert_eq!(ending, Ending::Succeeded, "{sh:?} {output}");
    }
}

/// Its tag may have been pushed again by then; it stands for the image only where no digest is known.
#[test]
fn what_was_pushed_is_named_by_its_digest() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let push = StepId::from("local/push");
        let mut command = Run::literal(["echo"]);
        command.argv.push(Arg::Pushed(PushedImage {
            pushed_by: push.clone(),
            reference: "reg:5000/app:1".into(),
        }));
        let known = Inputs {
            pushed: [(push, "sha256:aa".to_owned())].into(),
            ..Inputs::default()
        };
        for (name, inputs, named) in [
            ("known", known, "reg:5000/app@sha256:aa"),
            ("unknown", Inputs::default(), "reg:5000/app:1"),
        ] {
            let step = StepRequest {
                actions: vec![Action::Run(command.clone())],
                ..step(name, &[])
            };
            fixture.run_one(&step, &inputs);
            assert_eq!(fixture.output(&step).trim_end(), named, "{sh:?}");
        }
    }
}

#[test]
fn a_user_name_may_come_from_a_variable() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let command = Run {
            argv: vec![Arg::Literal("echo".into()), Arg::FromEnv("NAME".into())],
            ..Run::literal([""; 0])
        };
        let step = StepRequest {
            actions: vec![Action::Run(command)],
            ..step("one", &[])
        };
        let error = fixture
            .start("r1", std::slice::from_ref(&step))
            .unwrap_err();
        assert!(matches!(
            error,
            LinkError::Request(script::RenderError::Missing(_))
        ));
        let inputs = Inputs {
            variables: [("NAME".to_owned(), "$me 'x'".to_owned())].into(),
            ..Inputs::default()
        };
        fixture.run_one(&step, &inputs);
        let output = fixture.output(&step);
        assert_eq!(output, "$me 'x'\n", "{sh:?}");
    }
}

#[test]
fn behind_the_fence_of_another_run_nothing_runs() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        fixture.fence("r2");
        let step = StepRequest {
            cleanup: vec![Action::Run(sh_c("echo x >$ROOT/ran"))],
            ..step("one", &["echo x >$ROOT/ran"])
        };
        let events = fixture.start("r1", std::slice::from_ref(&step)).unwrap();
        let Some(Event::Ended { receipt, .. }) = events.last() else {
            panic!("{events:?}")
        };
        assert_eq!(receipt.ending, Ending::Refused, "{sh:?}");
        assert_eq!(fixture.read("ran"), "");
    }
}

#[test]
fn of_many_racers_one_claims() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        // A race is seldom close: what takes the promise away gets more of them.
        let rounds = match std::env::var_os(mutants::VARIABLE) {
            None => 8,
            Some(_) => 60,
        };
        for round in 1..=rounds {
            let ran = format!("echo {round} >>$ROOT/ran");
            let step = step(&format!("round-{round}"), &[ran.as_str()]);
            let events = block(async {
                let (place, inputs) = (fixture.place(), Inputs::default());
                let go = || {
                    start(
                        &fixture.host,
                        &place,
                        "r1",
                        std::slice::from_ref(&step),
                        &inputs,
                    )
                };
                let (a, b, c, d, e, f) = tokio::join!(go(), go(), go(), go(), go(), go());
                [a, b, c, d, e, f].map(Result::unwrap)
            });
            let winners = events
                .iter()
                .filter(|events| matches!(events[0], Event::Claimed { .. }));
            assert_eq!(winners.count(), 1, "{sh:?}");
        }
        let ran: String = (1..=rounds).map(|round| format!("{round}\n")).collect();
        assert_eq!(fixture.read("ran"), ran);
    }
}

#[test]
fn a_running_step_is_seen_and_attached_to() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let step = step("one", &["sleep 1.5"]);
        std::thread::scope(|scope| {
            scope.spawn(|| fixture.start("r1", std::slice::from_ref(&step)).unwrap());
            eventually("claim", || fixture.list().len() == 1);
            assert_eq!(fixture.list()[0].state, AttemptState::Running, "{sh:?}");
            let state = block(fixture.host.attach(&fixture.place(), &attempt(&step))).unwrap();
            assert!(
                matches!(state, Some(AttemptState::Ended(_))),
                "{sh:?} {state:?}"
            );
        });
        let other = crate::fixture::step("other", &[]);
        assert_eq!(fixture.settled(&attempt(&other)), None);
    }
}

#[test]
fn a_step_goes_on_when_its_connection_dies() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let step = step("one", &["echo begun >$ROOT/begun; sleep 1; echo done"]);
        let place = fixture.place();
        let run = RunId::from("r1");
        block(async {
            let (sender, _receiver) = tokio::sync::mpsc::channel(8);
            let (batch, inputs) = ([step.clone()], Inputs::default());
            let running = fixture.host.start(&place, &run, &batch, &inputs, &sender);
            tokio::select! {
                _ = running => panic!("{sh:?}: ended"),
                () = async {
                    while !fixture.path("begun").exists() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                } => {}
            }
        });
        let claim =
            fs::read_to_string(fixture.attempt_directory(&attempt(&step)).join("claim")).unwrap();
        let pid = claim.split(' ').next().unwrap().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        for signal in [rustix::process::Signal::HUP, rustix::process::Signal::PIPE] {
            rustix::process::kill_process(pid, signal).unwrap();
        }
        let Some(AttemptState::Ended(receipt)) = fixture.settled(&attempt(&step)) else {
            panic!("{sh:?}: no receipt")
        };
        assert_eq!(receipt.ending, Ending::Succeeded, "{sh:?}");
    }
}

#[test]
fn the_lines_of_an_output_cannot_pass_for_an_answer() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let text = format!(
            "@mrsk end\n@mrsk error {}\n",
            base64::engine::general_purpose::STANDARD.encode("x")
        );
        let step = step("one", &[&format!("printf '{text}'; exit 1")]);
        let (receipt, output, _) = fixture.run_one(&step, &Inputs::default());
        assert_eq!(receipt.ending, Ending::Failed { code: 1 }, "{sh:?}");
        assert_eq!(output, text);
    }
}
