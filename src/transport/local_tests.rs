use super::*;

fn sh(script: &str) -> LocalCommand {
    LocalCommand {
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        ..LocalCommand::default()
    }
}

#[tokio::test(flavor = "current_thread")]
async fn output_and_status_are_told() {
    let mut lines = Vec::new();
    let outcome = run(&sh("echo out; echo error >&2; exit 3"), |line| {
        lines.push(line.to_owned());
    })
    .await
    .unwrap();
    assert_eq!(outcome.ending, Ending::Failed { code: 3 });
    assert_eq!(outcome.stdout, "out\n");
    lines.sort();
    assert_eq!(lines, ["error\n", "out\n"]);
}

#[tokio::test(flavor = "current_thread")]
async fn secrets_arrive_by_environment_and_stdin() {
    let secret = Secret::new("a\n'b' $c ü");
    let command = LocalCommand {
        secrets: Secrets::from([("TOKEN".to_owned(), secret.clone())]),
        stdin: Some(secret),
        ..sh("printf '%s|' \"$TOKEN\"; cat")
    };
    let outcome = run(&command, |_| {}).await.unwrap();
    assert_eq!(outcome.stdout, "a\n'b' $c ü|a\n'b' $c ü");
}

#[tokio::test(flavor = "current_thread")]
async fn silence_ends_the_whole_group() {
    let command = LocalCommand {
        idle_timeout: Some(Duration::from_millis(300)),
        ..sh("echo $$; sleep 60 & sleep 60")
    };
    let begun = Instant::now();
    let outcome = run(&command, |_| {}).await.unwrap();
    assert_eq!(outcome.ending, Ending::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(4));
    let group = outcome.stdout.trim().parse().unwrap();
    let group = rustix::process::Pid::from_raw(group).unwrap();
    for _ in 0..50 {
        if rustix::process::test_kill_process_group(group).is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a process of the group is left");
}

#[tokio::test(flavor = "current_thread")]
async fn a_program_that_is_not_there_is_an_error() {
    let command = LocalCommand {
        argv: vec!["no-such-program".to_owned()],
        ..LocalCommand::default()
    };
    assert!(run(&command, |_| {}).await.is_err());
}
