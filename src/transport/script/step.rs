//! Rendering of a step: its parts as calls of the functions in `step.sh`, `poll.sh` and `reach.sh`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::builder::{Builder, RenderError, one_line, path_part};
use crate::action::{
    Action, Arg, Complete, Merge, OwnConfig, Poll, Probe, Reach, Run, Upload, VerifyImage, When,
    Write,
};
use crate::name::{SecretVariable, Sha256Hex, is_file_owner};
use crate::record::WhenStopping;
use crate::transport::living::render_about;
use crate::transport::quote::quote;
use crate::transport::request::{Inputs, Route, StepRequest};

/// The pause between two looks of an attempt, in milliseconds; `poll.sh` has it in seconds.
const LOOK_MS: u32 = 100;

/// Adds the step to a batch: its parts as functions, then the call that runs them or ends the batch.
pub fn render(
    builder: &mut Builder,
    request: &StepRequest,
    inputs: &Inputs,
) -> Result<(), RenderError> {
    builder.line("mrsk_actions() {");
    if let Some(route) = &request.route {
        will_route(builder, route)?;
    }
    for action in &request.actions {
        part(builder, action, inputs)?;
        builder.line("mrsk_result=$?");
        builder.line("[ \"$mrsk_result\" = 0 ] || return \"$mrsk_result\"");
    }
    if request.route.is_some() {
        builder.line("has_routed");
    }
    builder.line("return 0").line("}");
    builder.line("mrsk_diagnose() {");
    for command in &request.diagnose {
        run(builder, "explain", command, inputs)?;
    }
    builder.line("return 0").line("}");
    builder.line("mrsk_cleanup() {");
    for action in &request.cleanup {
        match action {
            Action::Run(command) => run(builder, "undo", command, inputs)?,
            Action::Write(file) => write(builder, "restore", file, inputs)?,
            other => part(builder, other, inputs)?,
        }
    }
    builder.line("return 0").line("}");
    let cleans = u8::from(!request.cleanup.is_empty());
    builder.line(&format!("mrsk_cleans={cleans}"));
    let claim_stays = ["", "1"][usize::from(request.claim_stays)];
    builder.set("mrsk_claim_stays", claim_stays)?;
    builder.set("mrsk_about", &render_about(&request.about))?;
    builder.subject(&request.subject)?;
    builder.line(&format!(
        "attempt {} {} {} {} {} {} || return 0",
        quote(path_part(&request.step)?)?,
        request.attempt,
        request.timeout_seconds,
        request.idle_timeout_seconds,
        u8::from(request.shared_lock),
        when_stopping(request.when_stopping),
    ));
    Ok(())
}

const fn when_stopping(what: WhenStopping) -> &'static str {
    match what {
        WhenStopping::Refuse => "refuse",
        WhenStopping::Undo => "undo",
        WhenStopping::End => "end",
        WhenStopping::Begin => "begin",
    }
}

/// Adds what keeps, before anything else, what the step routes.
fn will_route(builder: &mut Builder, route: &Route) -> Result<(), RenderError> {
    let words = [
        &route.role,
        &route.version,
        &route.container,
        &route.repository,
        &route.file,
        &route.token,
        &route.operation.replace(' ', "-"),
        &one_line(&route.by),
    ];
    let words: Vec<String> = words
        .into_iter()
        .map(|word| quote(word))
        .collect::<Result<_, _>>()?;
    let call = format!("will_route {} || return 1", words.join(" "));
    builder.line(&call);
    Ok(())
}

fn part(builder: &mut Builder, action: &Action, inputs: &Inputs) -> Result<(), RenderError> {
    match action {
        Action::Run(command) => {
            builder.line("forget");
            let function = match prunes(command) {
                true => "run_alone",
                false => "run",
            };
            run(builder, function, command, inputs)
        }
        Action::Write(file) => write(builder, "write", file, inputs),
        Action::Upload(file) => upload(builder, file, inputs),
        Action::Poll(condition) => poll(builder, condition),
        Action::VerifyImage(image) => verify_image(builder, image, inputs),
        Action::Reach(users) => reach(builder, users),
        Action::Complete(Complete { container }) => {
            let container = quote(container)?;
            builder.line(&format!("complete {container}"));
            Ok(())
        }
        Action::Merge(Merge { from, into }) => {
            let (from, into) = (absolute(from)?, absolute(into)?);
            builder.line(&format!("merge {from} {into}"));
            Ok(())
        }
    }
}

/// Returns whether docker refuses the command while another one of its kind runs.
fn prunes(command: &Run) -> bool {
    let words = ["docker", "container", "prune"];
    let mut starts = command.argv.iter().zip(words);
    command.argv.len() >= words.len()
        && starts.all(|(arg, word)| matches!(arg, Arg::Literal(text) if text == word))
}

/// Adds a command, as an argument of `function`.
pub(super) fn run(
    builder: &mut Builder,
    function: &str,
    command: &Run,
    inputs: &Inputs,
) -> Result<(), RenderError> {
    let reads = command.stdin.is_some() || !command.env_file.is_empty();
    let environment = environment(command, inputs)?;
    let function = match function == "run" && (reads || !environment.is_empty()) {
        true => "run_last",
        false => function,
    };
    let mut words = vec![function.to_owned()];
    for arg in &command.argv {
        words.push(match arg {
            Arg::Literal(text) => quote(text)?,
            Arg::FromEnv(name) => quote(given(&inputs.variables, name, name)?)?,
            Arg::Pushed(image) => {
                let digest = inputs.pushed.get(&image.pushed_by);
                quote(&image.named(digest.map(String::as_str)))?
            }
        });
    }
    let mut text = Zeroizing::new(String::new());
    if let Some(name) = &command.stdin {
        text.push_str("printf %s ");
        text.push_str(&Zeroizing::new(quote(
            given(&inputs.secrets, name, name)?.reveal(),
        )?));
        text.push_str(" 2>/dev/null | ");
    }
    if !command.env_file.is_empty() {
        text.push_str("printf '%s\\n' ");
        for SecretVariable { name, secret } in &command.env_file {
            let value = given(&inputs.secrets, secret, secret)?.reveal();
            if value.contains(['\n', '\r']) {
                return Err(RenderError::LineBreak(name.clone()));
            }
            let line = Zeroizing::new(format!("{}={value}", variable_name(name)?));
            text.push_str(&Zeroizing::new(quote(&line)?));
            text.push(' ');
        }
        text.push_str("2>/dev/null | ");
    }
    let call = match reads {
        true => format!("{} 3<&0", words.join(" ")),
        false => words.join(" "),
    };
    match environment.is_empty() {
        true => text.push_str(&call),
        false => {
            text.push_str("(\n");
            text.push_str(&environment);
            text.push_str(&call);
            text.push_str("\n)");
        }
    }
    builder.line(&text);
    Ok(())
}

/// Returns the lines that set the command's environment, in a shell of its own.
fn environment(command: &Run, inputs: &Inputs) -> Result<Zeroizing<String>, RenderError> {
    let mut text = Zeroizing::new(String::new());
    for SecretVariable { name, secret } in &command.env {
        text.push_str(variable_name(name)?);
        text.push('=');
        text.push_str(&Zeroizing::new(quote(
            given(&inputs.secrets, secret, secret)?.reveal(),
        )?));
        text.push_str("\nexport ");
        text.push_str(name);
        text.push('\n');
    }
    text.push_str(match command.own_config {
        None => "",
        Some(OwnConfig::Temporary) => "own_config || exit 1\n",
        Some(OwnConfig::ToKeep) => "config_to_keep || exit 1\n",
        Some(OwnConfig::Kept) => "kept_config || exit 1\n",
    });
    Ok(text)
}

/// Returns what was handed over under `key`; `name` is what a message calls it.
fn given<'a, K: Ord, V>(
    all: &'a BTreeMap<K, V>,
    key: &K,
    name: &str,
) -> Result<&'a V, RenderError> {
    let value = all.get(key);
    value.ok_or_else(|| RenderError::Missing(name.to_owned()))
}

fn variable_name(name: &str) -> Result<&str, RenderError> {
    let is_name = name.bytes().enumerate().all(|(index, byte)| {
        byte == b'_' || byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit())
    });
    if name.is_empty() || !is_name || name.starts_with("mrsk_") {
        return Err(RenderError::SecretName(name.to_owned()));
    }
    Ok(name)
}

fn mode(text: &str) -> Result<&str, RenderError> {
    let is_mode =
        matches!(text.len(), 3 | 4) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if !is_mode {
        return Err(RenderError::Mode(text.to_owned()));
    }
    Ok(text)
}

fn owner(text: &str) -> Result<&str, RenderError> {
    match is_file_owner(text) {
        true => Ok(text),
        false => Err(RenderError::Owner(text.to_owned())),
    }
}

/// Adds a file to be written, as the arguments of `function`.
fn write(
    builder: &mut Builder,
    function: &str,
    file: &Write,
    inputs: &Inputs,
) -> Result<(), RenderError> {
    let text = given(&inputs.contents, &file.content, &file.path)?;
    builder.line(&format!(
        "{function} {} {} {}",
        absolute(&file.path)?,
        mode(&file.mode)?,
        quote(text)?
    ));
    Ok(())
}

fn upload(builder: &mut Builder, file: &Upload, inputs: &Inputs) -> Result<(), RenderError> {
    let bytes = given(&inputs.uploads, file, &file.source)?;
    let sha256 = match file.template {
        true => Sha256Hex::of(bytes),
        false => file.sha256.clone(),
    };
    let owner = file.owner.as_deref().map(owner).transpose()?;
    builder.line(&format!(
        "upload {} {} '{}' {} '{}'",
        absolute(&file.path)?,
        mode(&file.mode)?,
        STANDARD.encode(bytes),
        quote(sha256.as_str())?,
        owner.unwrap_or_default()
    ));
    Ok(())
}

/// Checks the name of a network, which becomes part of a template of docker's.
fn network(name: &str) -> Result<&str, RenderError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    match name.bytes().all(is_plain) {
        true => Ok(name),
        false => Err(RenderError::Network(name.to_owned())),
    }
}

fn absolute(path: &str) -> Result<String, RenderError> {
    if !path.starts_with('/') || path.ends_with('/') {
        return Err(RenderError::Path(path.to_owned()));
    }
    Ok(quote(path)?)
}

fn poll(builder: &mut Builder, condition: &Poll) -> Result<(), RenderError> {
    let missing = |field| RenderError::Poll {
        container: condition.container.clone(),
        field,
    };
    let port = || condition.port.ok_or_else(|| missing("port"));
    let host = condition.host.as_deref().unwrap_or("localhost");
    let path = condition.path.as_deref().unwrap_or("/");
    let container = quote(&condition.container)?;
    let (look, rest) = match condition.probe {
        Probe::Http => (
            "http",
            format!(" {} {} {}", port()?, quote(path)?, quote(host)?),
        ),
        Probe::Route => {
            let host = condition.host.as_deref().ok_or_else(|| missing("host"))?;
            let expect = condition.expect.as_deref();
            let expect = quote(expect.ok_or_else(|| missing("expectation"))?)?;
            let (path, host) = (quote(path)?, quote(host)?);
            ("route", format!(" {} {path} {host} {expect}", port()?))
        }
        Probe::Idle => {
            let next = quote(condition.expect.as_deref().unwrap_or_default())?;
            let network = network(condition.network.as_deref().unwrap_or_default())?;
            ("idle", format!(" {:04X} {next} '{network}'", port()?))
        }
        Probe::Ended => {
            let next = quote(condition.expect.as_deref().unwrap_or_default())?;
            ("ended", format!(" {next}"))
        }
        Probe::Running => ("running", String::new()),
    };
    let looks = match condition.attempts {
        0 => 1,
        _ => condition.interval_ms.div_ceil(LOOK_MS).max(1),
    };
    let hundredths = condition.interval_ms.div_ceil(10);
    let restarts = match condition.restarts {
        Some(restarts) => restarts.to_string(),
        None => quote("")?,
    };
    builder.line(&format!(
        "poll {look} {looks} {hundredths} {} {} {container}{rest}",
        condition.attempts, restarts
    ));
    Ok(())
}

fn reach(builder: &mut Builder, reach: &Reach) -> Result<(), RenderError> {
    let since = || {
        let step = reach.since.as_ref();
        let step = step.ok_or_else(|| RenderError::Missing("since".to_owned()))?;
        Ok::<_, RenderError>(quote(path_part(&step.hash())?)?)
    };
    let mut words = match reach.when {
        When::Before => vec!["ask_before".to_owned()],
        When::After => vec!["ask_after".to_owned(), since()?],
        When::Unasked => vec!["ask_unasked".to_owned(), since()?],
    };
    words.push(quote(&reach.container)?);
    for request in &reach.requests {
        words.push(request.port.to_string());
        words.push(quote(&request.path)?);
        words.push(quote(&request.host)?);
    }
    builder.line(&words.join(" "));
    Ok(())
}

fn verify_image(
    builder: &mut Builder,
    image: &VerifyImage,
    inputs: &Inputs,
) -> Result<(), RenderError> {
    let step = image.pushed_by.as_ref();
    let pushed = || step.and_then(|step| inputs.pushed.get(step));
    let line = match image.digest.as_ref().or_else(pushed) {
        Some(digest) => {
            let (reference, digest) = (quote(&image.reference)?, quote(digest)?);
            format!("verify_image {reference} {digest}")
        }
        None => "printf '%s\\n' 'registry digest unknown: not compared'".to_owned(),
    };
    builder.line(&line);
    Ok(())
}
