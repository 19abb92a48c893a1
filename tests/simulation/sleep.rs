//! Machines of runners that sleep, and what their clocks say.

use mrsk::apply::state::{Action, Event};
use mrsk::name::HostName;
use mrsk::record::LockAnswer;

use super::world::{Item, Mutant, RunnerIndex, World};

/// Milliseconds for which a confirmation of the lock counts: docs/protocol.md.
const CONFIRMED: u64 = 40_000;

impl World {
    /// The machine of a runner sleeps: hosts go on, it hears of nothing, and its timers fire as much later.
    pub(super) fn sleep(&mut self, runner: RunnerIndex) {
        let long = self.rng.range(5_000, 200_000);
        let at = &mut self.runners[runner];
        if at.dead || at.exited.is_some() || at.sleep.until > self.now {
            return;
        }
        at.sleep.until = self.now + long;
        at.sleep.long = long;
        at.sleep.total += long;
        let late = at.tick.map(|tick| tick + long);
        at.tick = late;
        if let Some(late) = late {
            self.later(late, Item::Tick { runner });
        }
        self.note(format!(
            "the machine of runner {runner} falls asleep for {long} ms"
        ));
        self.cover("the machine of mrsk sleeps");
        if self.rng.chance(300) {
            let hosts: Vec<HostName> = self.runners[runner].links.keys().cloned().collect();
            for host in hosts {
                self.lose_link(runner, &host);
            }
        }
        let delay = self.rng.range(100, 90_000);
        self.after(delay, Item::Launch { plan: self.at });
    }

    /// What a sleeping machine was to do or to hear at this time comes later; `None`: it is awake.
    pub(super) fn postpone(&mut self, item: Item) -> Option<Item> {
        let (Item::ToRunner { runner, .. }
        | Item::ToHost { runner, .. }
        | Item::Local { runner, .. }) = &item
        else {
            return Some(item);
        };
        let at = &self.runners[*runner];
        if at.dead || at.sleep.until <= self.now {
            return Some(item);
        }
        let time = match item {
            Item::Local { .. } => self.now + at.sleep.long,
            _ => at.sleep.until,
        };
        self.later(time, item);
        None
    }

    /// What the clock of a runner says. One that stops in sleep is broken on purpose.
    pub(super) fn clock(&self, runner: RunnerIndex) -> u64 {
        match self.mutant {
            Mutant::ClockStops => self.now - self.runners[runner].sleep.total,
            _ => self.now,
        }
    }

    /// Notes an answer that says that the lock is held: it was when the question was sent.
    pub(super) fn note_confirmation(&mut self, runner: RunnerIndex, event: &Event) {
        let held = Event::Beaten { held: true };
        if *event == held
            || matches!(
                event,
                Event::Lock(LockAnswer::Acquired { .. }) | Event::StopRequested(_)
            )
        {
            let at = &mut self.runners[runner];
            at.lock.confirmed = at.lock.asked;
        }
    }

    /// Nothing is begun on a lock that was not confirmed in time, by a clock that the runner does not have.
    pub(super) fn check_confirmation(&mut self, runner: RunnerIndex, action: &Action) {
        let begins = matches!(
            action,
            Action::Start { .. }
                | Action::StartLocal { .. }
                | Action::Fence { .. }
                | Action::Record { .. }
                | Action::Finish { .. }
        );
        let age = self.now - self.runners[runner].lock.confirmed;
        if begins && age >= CONFIRMED {
            self.fail(format!(
                "runner {runner} begins something on a lock that was not confirmed in time, but {age} ms ago"
            ));
        }
    }
}
