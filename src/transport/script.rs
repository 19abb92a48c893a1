//! The only renderer of `sh`: each request as a script that a host's `sh` reads on its standard input.
//!
//! The text of every script is one `{ …; }`, so that a feed that is cut off is a syntax error and runs nothing. It needs dash,
//! bash or busybox, and what POSIX and coreutils or busybox have; `setsid` and `sha256sum` are used if they are available.
//! Secrets stand in the script, as quoted assignments in a subshell around the one command that needs them, or as
//! the argument of the `printf` builtin that feeds the command; so they are in no argument vector.
//!
//! The functions that the scripts are made of are in `script/*.sh`. All their variables begin with `mrsk_`, which no secret
//! may, since secrets become variables beside them.

mod builder;
mod command;
mod parts;
mod step;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use builder::{Builder, one_line, path_part};
pub use builder::{RenderError, Script};
pub use command::{commands, note};
use parts::{
    ATTEMPT, AUDIT, COMPLETE, FENCE, FINISH, FORGET, HALT, LOCK, MERGE, OPEN, OTHERS, POLL, QUEUE,
    REACH, ROUTED, STATE, STEP, TURN, WHOLE,
};

use super::answer::render_receipt;
use super::bounds::{CLEANUP_SECONDS, DIAGNOSE_SECONDS};
use super::living::render_about;
use super::quote::{NulError, quote};
use super::request::{
    AttemptRef, Holder, Inputs, LockTerms, Place, Record, Resolution, StepRequest, Turn,
};
use crate::name::{PlanDigest, RunId};
use crate::record::living::AttemptName;
use crate::record::{
    LockDetails, Scope, Seen, StopRequest, TAKE_OVER_SECONDS, TakeOver, state_directory,
};

/// Looks at an attempt that is waited for, in a second.
const ROUNDS_PER_SECOND: u32 = 5;

/// Begins a script about the lock of `scope`, which is in the login directory, where the script starts.
fn about_lock(scope: &Scope) -> Result<Builder, RenderError> {
    let directory = scope.directory();
    let mut builder = Builder::new(&[TURN, WHOLE, OPEN, QUEUE, LOCK]);
    builder
        .set("mrsk_scope", path_part(&directory)?)?
        .set("mrsk_own", &format!("mrsk_lock/{directory}"))?
        .set("mrsk_queue", &format!(".mrsk_lock.queue.{directory}"))?
        .set("mrsk_limit", &TAKE_OVER_SECONDS.to_string())?;
    Ok(builder)
}

/// Renders a request for the deploy lock of `scope` on these terms. Without a run the lock is one by hand, which nobody takes over.
///
/// # Errors
///
/// Fails as [`RenderError`] says. So do all functions here.
pub fn lock(
    scope: &Scope,
    details: &LockDetails,
    terms: &LockTerms,
) -> Result<Script, RenderError> {
    const GENERATION: u32 = u32::MAX;
    let text = LockDetails {
        generation: GENERATION,
        ..in_lines(details)
    }
    .render();
    let marker = format!("\nGeneration: {GENERATION}");
    let (before, after) = match text.rsplit_once(&marker) {
        Some((before, after)) => (format!("{before}\nGeneration: "), after.to_owned()),
        None => (text, String::new()),
    };
    let run = details.run.as_ref();
    let call = match (run, terms.turn) {
        (Some(_), Turn::AtOnce) => "lock",
        (Some(_), Turn::Queued) => "lock_in_turn",
        (None, _) => "lock_by_hand",
    };
    let plan = details.plan.as_ref().map_or("-", PlanDigest::as_str);
    let take_over = match terms.take_over {
        TakeOver::UnlessOpen => "unless_open",
        TakeOver::Always => "always",
    };
    let mut builder = about_lock(scope)?;
    find_base(&mut builder, scope, terms.state_dir.as_deref())?;
    Ok(builder
        .set("mrsk_take_over", take_over)?
        .set("mrsk_run", run.map_or("-", RunId::as_str))?
        .set("mrsk_locked_plan", plan)?
        .set("mrsk_before", &before)?
        .set("mrsk_after", &after)?
        .call(call))
}

/// Returns details whose fields have one line each.
fn in_lines(details: &LockDetails) -> LockDetails {
    let one_line = |text: &str| text.replace(['\n', '\r'], " ");
    LockDetails {
        locked_by: one_line(&details.locked_by),
        at: one_line(&details.at),
        version: one_line(&details.version),
        message: one_line(&details.message),
        ..details.clone()
    }
}

/// Renders what makes the lock that `run` holds a person's: from then on it has these details, without a run, and no beat.
pub fn leave(scope: &Scope, run: &RunId, details: &LockDetails) -> Result<Script, RenderError> {
    let left = LockDetails {
        run: None,
        ..in_lines(details)
    };
    Ok(about_lock(scope)?
        .set("mrsk_run", run.as_str())?
        .set("mrsk_left", &left.render())?
        .call("leave"))
}

/// Renders a beat of the lock that `run` holds.
pub fn beat(scope: &Scope, run: &RunId) -> Result<Script, RenderError> {
    Ok(about_lock(scope)?
        .set("mrsk_run", run.as_str())?
        .call("beat"))
}

/// Renders the release of the lock that `run` holds.
///
/// Of a release and a take-over one claims the next generation, so not both win. One gap is left, which `sh` cannot close: a releasing
/// run that is stopped for [`TAKE_OVER_SECONDS`] between its last look and its `mv` moves away the lock of who took it over meanwhile. That
/// one's next beat says so, and the fences keep what it runs apart.
pub fn release(scope: &Scope, run: &RunId) -> Result<Script, RenderError> {
    Ok(about_lock(scope)?
        .set("mrsk_run", run.as_str())?
        .call("release"))
}

/// Renders the release of somebody else's lock by `person`.
pub fn release_any(scope: &Scope, whose: Holder, person: &str) -> Result<Script, RenderError> {
    Ok(about_lock(scope)?
        .set("mrsk_person", &STANDARD.encode(person))?
        .call(match whose {
            Holder::Any => "release_any",
            Holder::Silent => "release_silent",
        }))
}

/// Renders the request that the run which holds the lock stops.
pub fn request_stop(scope: &Scope, request: &StopRequest) -> Result<Script, RenderError> {
    let field = |text: &str| match text {
        "" => "-".to_owned(),
        text => STANDARD.encode(text),
    };
    let note = format!("{} {}", field(&request.person), field(&request.message));
    Ok(about_lock(scope)?
        .set("mrsk_request", &note)?
        .call("request_stop"))
}

/// Renders the question for the holder of the lock.
pub fn lock_status(scope: &Scope) -> Result<Script, RenderError> {
    Ok(about_lock(scope)?.call("lock_status"))
}

/// Renders the fence of `run`, for a plan that saw this; and after it, the lists of the plan's attempts and of living ones of
/// other plans. What earlier runs left is entered in the audit log.
pub fn fence(place: &Place, run: &RunId, seen: &Seen) -> Result<Script, RenderError> {
    let far = seen.unfinished.as_ref().map(|last| {
        let (plan, attempts, checksum) = (&last.plan, last.attempts, last.checksum);
        format!("{plan} {attempts} {checksum}")
    });
    Ok(Builder::new(&[STATE, OTHERS, ROUTED, AUDIT, FENCE])
        .place(place)?
        .audit_log(&place.scope)?
        .set("mrsk_run", run.as_str())?
        .set("mrsk_seen", &seen.serial.to_string())?
        .set("mrsk_seen_far", &far.unwrap_or_default())?
        .call("fence"))
}

/// Renders the end of these attempts of other plans, and after it the list of living ones.
pub fn others(place: &Place, end: &[AttemptName]) -> Result<Script, RenderError> {
    let mut builder = Builder::new(&[STATE, OTHERS]);
    builder.place(place)?.line("settle_others() {");
    for name in end {
        builder.line(&format!(
            "end_other {} {} {}",
            quote(path_part(&name.digits)?)?,
            quote(path_part(&name.step)?)?,
            name.number
        ));
    }
    Ok(builder.line("others").line("}").call("settle_others"))
}

/// Renders the list of a plan's attempts.
pub fn list(place: &Place) -> Result<Script, RenderError> {
    Ok(Builder::new(&[STATE]).place(place)?.call("list"))
}

/// Renders a batch of steps, which run one after another until one does not succeed.
pub fn start(
    place: &Place,
    run: &RunId,
    batch: &[StepRequest],
    inputs: &Inputs,
) -> Result<Script, RenderError> {
    let mut attempts = Vec::new();
    for request in batch {
        attempts.push(quote(&format!(
            "{}/{}",
            path_part(&request.step)?,
            request.attempt
        ))?);
    }
    let mut builder = Builder::new(&[STATE, ROUTED, TURN, STEP, POLL, COMPLETE, MERGE, REACH]);
    builder
        .place(place)?
        .set("mrsk_run", run.as_str())?
        .set("mrsk_turns", &format!("{}/shared.lock", place.state_dir))?
        .line(&format!("mrsk_diagnose_seconds={DIAGNOSE_SECONDS}"))
        .line(&format!("mrsk_cleanup_seconds={CLEANUP_SECONDS}"))
        .line("mrsk_setsid=")
        .line("command -v setsid >/dev/null && mrsk_setsid=1")
        .line("batch() {")
        .line(&format!("make_attempts {}", attempts.join(" ")));
    for request in batch {
        step::render(&mut builder, request, inputs)?;
    }
    Ok(builder
        .line("}")
        .line("needs_builtin_printf")
        .call("watched_batch"))
}

/// Renders the note that `run` stops.
pub fn halt(place: &Place, run: &RunId) -> Result<Script, RenderError> {
    Ok(Builder::new(&[STATE, HALT])
        .place(place)?
        .set("mrsk_run", path_part(run.as_str())?)?
        .call("halt"))
}

/// Renders the wait for the end of an attempt, for `seconds` at most.
pub fn attach(place: &Place, attempt: &AttemptRef, seconds: u32) -> Result<Script, RenderError> {
    Ok(Builder::new(&[STATE, ATTEMPT])
        .place(place)?
        .attempt(attempt)?
        .call(&format!("await {}", seconds * ROUNDS_PER_SECOND)))
}

/// Renders the end of a plan: it is entered as finished, the audit log is brought up to date, old runs are removed.
pub fn finish(place: &Place, run: &RunId) -> Result<Script, RenderError> {
    Ok(Builder::new(&[STATE, ROUTED, AUDIT, FINISH])
        .place(place)?
        .audit_log(&place.scope)?
        .set("mrsk_run", run.as_str())?
        .call("finish"))
}

/// Renders claim and receipt of a step that runs elsewhere.
pub fn record(place: &Place, record: &Record) -> Result<Script, RenderError> {
    let mut builder = Builder::new(&[STATE, FINISH]);
    builder
        .place(place)?
        .subject(&record.subject)?
        .set("mrsk_about", &render_about(&record.about))?
        .set("mrsk_run", record.run.as_str())?;
    let receipt = record.receipt.as_ref().map(render_receipt);
    let call = format!(
        "record {} {} {}",
        quote(path_part(&record.attempt.step)?)?,
        record.attempt.number,
        quote(&receipt.unwrap_or_default())?
    );
    Ok(builder.call(&call))
}

/// Renders the receipt that a person gives an attempt in doubt.
pub fn resolve(place: &Place, resolution: &Resolution) -> Result<Script, RenderError> {
    let mut builder = Builder::new(&[STATE, ROUTED, AUDIT, FINISH]);
    builder
        .place(place)?
        .audit_log(&place.scope)?
        .set("mrsk_lines", &one_line(&resolution.audit))?;
    let call = format!(
        "resolve {} {} {} {}",
        quote(path_part(&resolution.attempt.step)?)?,
        resolution.attempt.number,
        quote(&render_receipt(&resolution.receipt))?,
        quote(&resolution.note)?
    );
    Ok(builder.call(&call))
}

/// Renders the request to bring the audit log up to date, for a `run` that ends without having finished its plan.
pub fn audit(place: &Place, run: &RunId) -> Result<Script, RenderError> {
    Ok(Builder::new(&[STATE, ROUTED, AUDIT])
        .place(place)?
        .audit_log(&place.scope)?
        .set("mrsk_run", run.as_str())?
        .call("write_audit"))
}

/// Renders the question for the text of the audit log of `scope`, with what it does not say yet of the attempts below `state_dir`; `None`:
/// below the state directory that the host chooses.
pub fn read_audit(scope: &Scope, state_dir: Option<&str>) -> Result<Script, RenderError> {
    let mut builder = Builder::new(&[STATE, AUDIT]);
    builder.audit_log(scope)?;
    find_base(&mut builder, scope, state_dir)?;
    Ok(builder.line("find_base").call("show"))
}

/// Renders the removal of the records of `scope`, unless it runs on the host again or another plan than `last` came last. It is below
/// `state_dir`; `None`: below the state directory that the host chooses.
pub fn forget(
    scope: &Scope,
    state_dir: Option<&str>,
    last: Option<&PlanDigest>,
) -> Result<Script, RenderError> {
    let mut builder = Builder::new(&[STATE, ROUTED, FENCE, FORGET]);
    builder.audit_log(scope)?;
    find_base(&mut builder, scope, state_dir)?;
    Ok(builder
        .set("mrsk_expected", last.map_or("-", PlanDigest::as_str))?
        .line("find_base")
        .call("forget"))
}

/// Renders the removal of what is left of locks in the login directory once no service has records on the host.
pub fn sweep_lock(scope: &Scope, state_dir: Option<&str>) -> Result<Script, RenderError> {
    let mut builder = Builder::new(&[FORGET]);
    find_base(&mut builder, scope, state_dir)?;
    Ok(builder.line("find_base").call("sweep_lock"))
}

/// Adds `find_base`, which sets where the state of `scope` is below `state_dir`; `None`: below the state directory that the host chooses.
fn find_base(
    builder: &mut Builder,
    scope: &Scope,
    state_dir: Option<&str>,
) -> Result<(), RenderError> {
    builder.line("find_base() {");
    match state_dir {
        Some(directory) => builder.set("mrsk_state_dir", directory)?,
        None => builder
            .line(&format!(
                "mrsk_state_dir=$HOME/{}",
                state_directory::IN_HOME
            ))
            .line(&format!(
                "[ \"$(id -u)\" != 0 ] || mrsk_state_dir={}",
                state_directory::OF_ROOT
            )),
    };
    builder
        .set("mrsk_scope", path_part(&scope.directory())?)?
        .line("mrsk_base=$mrsk_state_dir/$mrsk_scope")
        .line("}");
    Ok(())
}

/// Renders a script of another layer. What it prints is for that layer to read; it has no standard input.
///
/// # Errors
///
/// Fails if `text` holds a NUL.
pub fn probe(text: &str) -> Result<Script, RenderError> {
    if text.contains('\0') {
        return Err(NulError.into());
    }
    let mut script = Zeroizing::new(String::with_capacity(text.len() + 256));
    script.push_str("{\numask 077\nPATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\nLC_ALL=C\nexport PATH LC_ALL\n(\n");
    script.push_str(text);
    script.push_str("\n) </dev/null\nexit $?\n}\n");
    Ok(Script::new(script))
}
