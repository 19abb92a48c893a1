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

#[tokio::test(flavor = "current_thread")]
async fn what_a_command_leaves_running_is_not_waited_for() {
    let begun = Instant::now();
    let outcome = run(&sh("sleep 300 & echo $!"), |_| {}).await.unwrap();
    assert_eq!(outcome.ending, Ending::Succeeded);
    assert!(begun.elapsed() < LINGER * 6);
    let left = outcome.stdout.trim().parse().unwrap();
    let left = rustix::process::Pid::from_raw(left).unwrap();
    rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn a_flood_of_output_is_not_shown_and_its_end_is_kept() {
    let command = LocalCommand {
        stdout_limit: Some(300_000),
        ..sh("echo begin; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end")
    };
    let mut shown = String::new();
    let outcome = run(&command, |line| shown.push_str(line)).await.unwrap();
    assert_eq!(shown, format!("begin\n{OVERLONG}end\n"));
    assert_eq!(outcome.tail, shown);
    assert!(outcome.stdout.len() <= 300_000);
    assert!(outcome.stdout.ends_with("x\nend\n"));

    let lines = "yes 'a longer line of output' | head -n 100000";
    let outcome = run(&sh(lines), |_| {}).await.unwrap();
    assert_eq!(outcome.stdout.len(), 24 * 100_000);
    assert_eq!(outcome.tail.lines().count(), TAIL_LINES);
}

#[tokio::test(flavor = "current_thread")]
async fn a_line_as_long_as_the_longest_that_is_shown_is_shown() {
    for (length, is_shown) in [(MAX_LINE - 1, true), (MAX_LINE, false)] {
        let script = format!("head -c {length} /dev/zero | tr '\\0' x; echo");
        let outcome = run(&sh(&script), |_| {}).await.unwrap();
        assert_eq!(outcome.tail == outcome.stdout, is_shown, "{length}");
    }
}
