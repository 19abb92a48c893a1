//! The signals by which a user, a terminal that closes, or a CI job stops a run.

use std::io::{IsTerminal, stderr, stdin};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::apply::state::Event;

/// The file that tells which signals this process ignores.
const STATUS: &str = "/proc/self/status";

/// Returns a channel that receives what each SIGINT, SIGTERM and SIGHUP means: a CI job sends several within seconds, and all of them are
/// one interruption. Only the second SIGINT at a terminal leaves at once.
pub(super) fn interrupts() -> mpsc::UnboundedReceiver<Event> {
    let has_terminal = stdin().is_terminal() || stderr().is_terminal();
    let (sender, receiver) = mpsc::unbounded_channel();
    for kind in stopping() {
        let Ok(mut stream) = signal(kind) else {
            continue;
        };
        let sender = sender.clone();
        tokio::spawn(async move {
            let mut count: u32 = 0;
            while stream.recv().await.is_some() {
                count = count.saturating_add(1);
                let leaves = kind == SignalKind::interrupt() && count > 1 && has_terminal;
                let event = match leaves {
                    true => Event::Quit,
                    false => Event::Interrupt,
                };
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// Returns the signals that stop what this process does: SIGINT, SIGTERM and SIGHUP without those that are ignored.
pub fn stopping() -> impl Iterator<Item = SignalKind> {
    kinds(ignored(
        &std::fs::read_to_string(STATUS).unwrap_or_default(),
    ))
}

/// Waits for one of these signals.
pub async fn received(kinds: impl Iterator<Item = SignalKind>) {
    let (sender, mut receiver) = mpsc::channel(1);
    for kind in kinds {
        let Ok(mut stream) = signal(kind) else {
            continue;
        };
        let sender = sender.clone();
        tokio::spawn(async move {
            if stream.recv().await.is_some() {
                let _ = sender.send(()).await;
            }
        });
    }
    // Without signals it waits for ever.
    let _held = sender;
    receiver.recv().await;
}

/// Returns the signals that stop a run. One that was ignored when the process began stays ignored: `nohup` means it.
fn kinds(ignored: u64) -> impl Iterator<Item = SignalKind> {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let is_heard = move |kind: &SignalKind| {
        let bit = kind.as_raw_value().saturating_sub(1);
        let bit = u32::try_from(bit).unwrap_or_default();
        ignored.checked_shr(bit).unwrap_or_default() & 1 == 0
    };
    kinds.into_iter().filter(is_heard)
}

/// Returns the set of ignored signals in the text of [`STATUS`], signal 1 being the lowest bit; none if it does not tell.
fn ignored(status: &str) -> u64 {
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_was_ignored_stays_ignored() {
        let heard = |status: &str| -> Vec<i32> {
            let heard = kinds(ignored(status));
            heard.map(|kind| kind.as_raw_value()).collect()
        };
        assert_eq!(
            heard("Name:\tmrsk\nSigIgn:\t0000000000001000\n"),
            [2, 15, 1]
        );
        assert_eq!(heard("SigIgn:\t0000000000001001\nSigCgt:\t0\n"), [2, 15]);
        assert_eq!(heard("SigIgn:\t0000000000000003\n"), [15]);
        assert_eq!(heard(""), [2, 15, 1]);
    }
}
