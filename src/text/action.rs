//! The one rendering of what a step does.

use super::escape::one_line;
use super::list::list;
use super::number::{count, duration};
use super::quote::{program, quote, variable};
use crate::action::{
    Action, Arg, Complete, Merge, OwnConfig, Poll, Probe, Reach, Run, UserRequest, Variable, When,
};

/// Returns one action as a line for bash: a command that can be pasted, or a comment if it is not a command.
pub fn action_line(action: &Action) -> String {
    let comment = match action {
        Action::Run(run) => return command(run),
        Action::Write(write) => format!(
            "write {} (mode {}, sha256 {})",
            write.path, write.mode, write.content
        ),
        Action::Upload(upload) => format!(
            "upload {}{} to {} (mode {}{}, sha256 {})",
            upload.source,
            if upload.template { " rendered" } else { "" },
            upload.path,
            upload.mode,
            match &upload.owner {
                Some(owner) => format!(", owner {owner}"),
                None => String::new(),
            },
            upload.sha256
        ),
        Action::Poll(poll) => poll_line(poll),
        Action::Reach(reach) => reach_line(reach),
        Action::Complete(Complete { container }) => {
            format!("start {container}, unless it was started before, and wait until it ends")
        }
        Action::Merge(Merge { from, into }) => {
            format!("copy the files of {from} that are missing in {into}")
        }
        Action::VerifyImage(verify) => {
            let wanted = match (&verify.digest, &verify.pushed_by) {
                (Some(digest), _) => format!("is {digest}"),
                (None, Some(step)) => format!("is the image that {step} pushed"),
                (None, None) => "exists".to_owned(),
            };
            format!("verify that {} {wanted}", verify.reference)
        }
    };
    format!("# {}", one_line(&comment))
}

/// Returns a command as a line for bash. Secrets and variables are taken from the environment by name.
pub fn command(run: &Run) -> String {
    let words: Vec<String> = run
        .argv
        .iter()
        .enumerate()
        .map(|(at, argument)| match argument {
            Arg::Literal(word) if at == 0 => program(word),
            Arg::Literal(word) => quote(word),
            Arg::FromEnv(name) => variable(name),
            Arg::Pushed(image) => {
                let (repository, step) = (image.repository(), &image.pushed_by);
                quote(&format!("{repository}@{{pushed by {step}}}"))
            }
        })
        .collect();
    let mut line = words.join(" ");
    if !run.variables.is_empty() {
        let set = run.variables.iter();
        let set = set.map(|(name, value)| format!("{}={}", quote(name), variable_value(value)));
        line = format!("env {} {line}", Vec::from_iter(set).join(" "));
    }
    if let Some(name) = &run.stdin {
        line = format!("printf %s {} | {line}", variable(name));
    }
    if !run.env_file.is_empty() {
        let lines = run
            .env_file
            .iter()
            .map(|line| format!("{}={}", quote(&line.name), variable(&line.secret)));
        line = format!(
            "printf '%s\\n' {} | {line}",
            Vec::from_iter(lines).join(" ")
        );
    }
    let mut notes = Vec::new();
    if let Some(directory) = &run.directory {
        notes.push(format!("in {}", quote(directory)));
    }
    if !run.env.is_empty() {
        let names = run.env.iter().map(ToString::to_string);
        let names = one_line(&Vec::from_iter(names).join(", "));
        notes.push(format!("with {names} in the environment"));
    }
    match run.own_config {
        None | Some(OwnConfig::Temporary) => {}
        Some(OwnConfig::ToKeep) => notes.push("the login is kept".to_owned()),
        Some(OwnConfig::Kept) => notes.push("with the kept login".to_owned()),
    }
    if !notes.is_empty() {
        line += &format!("  # {}", notes.join(", "));
    }
    line
}

/// Returns the value of a variable as a word; what only the run knows as a comment would have it.
fn variable_value(value: &Variable) -> String {
    match value {
        Variable::Literal(text) => quote(text),
        Variable::FromRun(value) => quote(&format!("<{} of the run>", value.name())),
    }
}

/// Returns what a poll waits for, and for how long, unescaped: `wait until web:3000/up answers 200: 7 attempts of 1.0s`.
fn poll_line(poll: &Poll) -> String {
    let container = &poll.container;
    let port = poll.port.map_or(String::new(), |port| format!(":{port}"));
    let condition = match poll.probe {
        Probe::Http => {
            let path = poll.path.as_deref().unwrap_or("/");
            format!("{container}{port}{path} answers 200")
        }
        Probe::Route => format!(
            "Traefik routes to {}",
            poll.expect.as_deref().unwrap_or(container)
        ),
        Probe::Idle => format!("{container}{port} has no open requests"),
        Probe::Ended => format!("{container} has ended"),
        Probe::Running => format!("{container} stays running and healthy"),
    };
    let attempts = count(poll.attempts as usize, "attempt");
    let length = duration(u64::from(poll.interval_ms));
    format!("wait until {condition}: {attempts} of {length}")
}

/// Returns what is asked of Traefik, unescaped: `check that shop.example.com/up is answered through traefik as before`.
fn reach_line(reach: &Reach) -> String {
    let addresses: Vec<String> = reach.requests.iter().map(UserRequest::address).collect();
    let verb = match addresses.len() {
        1 => "is",
        _ => "are",
    };
    let (addresses, container) = (list(&addresses), &reach.container);
    let check = format!("check that {addresses} {verb} answered through {container} as before");
    match reach.when {
        When::Before => format!("note how {addresses} {verb} answered through {container}"),
        When::After => check,
        When::Unasked => format!("{check}, unless that was checked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Upload, VerifyImage, Write};
    use crate::name::Sha256Hex;

    #[test]
    fn secrets_are_names() {
        let mut run = Run::literal(["docker", "login", "--username"]);
        run.argv.push(Arg::FromEnv("REGISTRY_USER".into()));
        run.env = vec!["CONFIG_KEY".into()];
        run.stdin = Some("PASSWORD".into());
        assert_eq!(
            command(&run),
            "printf %s \"$PASSWORD\" | docker login --username \"$REGISTRY_USER\"  # with CONFIG_KEY in the environment"
        );
        let mut create = Run::literal(["docker", "create", "--env-file", "/dev/stdin", "shop"]);
        create.env_file = vec!["HTTP_PROXY".into(), "LD_PRELOAD:LIBRARY".into()];
        assert_eq!(
            command(&create),
            "printf '%s\\n' HTTP_PROXY=\"$HTTP_PROXY\" LD_PRELOAD=\"$LIBRARY\" | docker create --env-file /dev/stdin shop"
        );
        for (own_config, note) in [
            (OwnConfig::Temporary, ""),
            (OwnConfig::ToKeep, ", the login is kept"),
            (OwnConfig::Kept, ", with the kept login"),
        ] {
            let line = command(&run.clone().with_own_config(own_config));
            assert_eq!(line, format!("{}{note}", command(&run)));
        }
        run.stdin = Some("x$(id)".into());
        run.env = vec!["A\nrm -rf".into()];
        assert_eq!(
            command(&run),
            "printf %s \"$(printenv 'x$(id)')\" | docker login --username \"$REGISTRY_USER\"  # with A\\nrm -rf in the environment"
        );
    }

    #[test]
    fn what_is_not_a_command_is_a_comment() {
        let sha256 = Sha256Hex::from("ab");
        let upload = |template: bool| {
            Action::Upload(Upload {
                source: "config/app.conf".into(),
                sha256: Sha256Hex::from("ab"),
                path: "/etc/app.conf".into(),
                mode: "0600".into(),
                owner: template.then(|| "999:999".into()),
                template,
                env: Default::default(),
                aliases: Vec::new(),
            })
        };
        let verify = |digest: Option<&str>, pushed_by: Option<&str>| {
            Action::VerifyImage(VerifyImage {
                reference: "shop:1".into(),
                digest: digest.map(str::to_owned),
                pushed_by: pushed_by.map(Into::into),
            })
        };
        let write = Action::Write(Write {
            path: "/a\n\u{202e}b".into(),
            content: sha256,
            mode: "0644".into(),
        });
        for (action, line) in [
            (write, r"# write /a\n\u{202e}b (mode 0644, sha256 ab)"),
            (
                upload(false),
                "# upload config/app.conf to /etc/app.conf (mode 0600, sha256 ab)",
            ),
            (
                upload(true),
                "# upload config/app.conf rendered to /etc/app.conf (mode 0600, owner 999:999, sha256 ab)",
            ),
            (
                verify(Some("sha256:c"), None),
                "# verify that shop:1 is sha256:c",
            ),
            (
                verify(None, Some("local/push")),
                "# verify that shop:1 is the image that local/push pushed",
            ),
            (verify(None, None), "# verify that shop:1 exists"),
        ] {
            assert_eq!(action_line(&action), line);
        }
    }

    #[test]
    fn polls_say_what_they_wait_for() {
        let poll = |probe| Poll {
            probe,
            container: "shop-web".into(),
            port: Some(3000),
            path: Some("/up".into()),
            host: None,
            expect: None,
            network: None,
            restarts: None,
            interval_ms: 1000,
            attempts: 7,
        };
        for (probe, condition) in [
            (Probe::Http, "shop-web:3000/up answers 200"),
            (Probe::Route, "Traefik routes to shop-web"),
            (Probe::Idle, "shop-web:3000 has no open requests"),
            (Probe::Ended, "shop-web has ended"),
            (Probe::Running, "shop-web stays running and healthy"),
        ] {
            let line = format!("wait until {condition}: 7 attempts of 1.0s");
            assert_eq!(poll_line(&poll(probe)), line);
        }
    }
    #[test]
    fn what_users_ask_is_named_as_they_write_it() {
        let request = |port, path: &str| UserRequest {
            port,
            host: "shop.example.com".into(),
            path: path.into(),
        };
        let reach = |when, requests| {
            Action::Reach(Reach {
                when,
                since: None,
                container: "traefik".into(),
                requests,
            })
        };
        let (up, admin) = (request(80, "/up"), request(8080, "/admin"));
        for (when, requests, line) in [
            (
                When::Before,
                vec![up.clone()],
                "# note how shop.example.com/up is answered through traefik",
            ),
            (
                When::After,
                vec![up.clone(), admin],
                "# check that shop.example.com/up and shop.example.com:8080/admin are answered through traefik as before",
            ),
            (
                When::Unasked,
                vec![up],
                "# check that shop.example.com/up is answered through traefik as before, unless that was checked",
            ),
        ] {
            assert_eq!(action_line(&reach(when, requests)), line);
        }
    }
}
