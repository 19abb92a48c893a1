//! Engines that do not answer yet, as after a restart of their host: what only they can tell is asked for again before it is in doubt.

use serde_json::Value;

use super::model::{Ask, State, Timer};
use super::progress::Phase;
use super::step::HostIndex;
use crate::plan::resume::engine_is_silent;

/// Seconds for which the engine of a host is waited for in one run.
const ENGINE_SECONDS: u64 = 60;
/// Seconds between two questions for it.
const ENGINE_PAUSE_SECONDS: u64 = 2;

impl State {
    /// Whether the host is to be looked at again, since its engine does not answer yet. If so, it is, after a pause.
    pub(super) fn waits_for_engine(&mut self, host: HostIndex, facts: &Value) -> bool {
        if !engine_is_silent(facts) || self.interrupted || self.hosts[host].is_gone() {
            return false;
        }
        let until = self.now.plus_seconds(ENGINE_SECONDS);
        let until = *self.hosts[host].engine_until.get_or_insert(until);
        if self.now >= until {
            return false;
        }
        self.hosts[host].awaits_engine = true;
        let at = self.now.plus_seconds(ENGINE_PAUSE_SECONDS);
        self.set_timer(at, Timer::Engine { host });
        true
    }

    /// Whether any host is looked at again after a pause.
    pub(super) fn awaits_engines(&self) -> bool {
        self.hosts.iter().any(|host| host.awaits_engine)
    }

    /// The pause is over.
    pub(super) fn look_at_engine(&mut self, host: HostIndex) {
        self.hosts[host].awaits_engine = false;
        self.ask(host, Ask::Probe);
        if self.phase == Phase::Judging {
            self.continue_opening();
        }
    }
}
