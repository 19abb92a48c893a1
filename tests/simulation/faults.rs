//! What goes wrong: links, hosts, runners, users.

use mrsk::apply::state::Event;
use mrsk::name::HostName;
use mrsk::record::StopRequest;

use super::world::{Item, RunnerIndex, World};

/// Milliseconds after which most of what was written is on the disk.
const WRITTEN_BACK: u64 = 30_000;

impl World {
    /// Perhaps something goes wrong, at any point of the protocol.
    pub(super) fn hazard(&mut self, runner: RunnerIndex, host: &HostName) {
        if self.budget == 0 || self.is_calm() || self.is_over() || !self.rng.chance(self.fault_rate)
        {
            return;
        }
        self.budget -= 1;
        match self.rng.range(0, 13) {
            12 => self.kill_script(host),
            13 => self.fill_journal(runner),
            0..=3 => self.lose_link(runner, host),
            4 | 5 => self.kill_host(host),
            6 | 7 => self.kill_runner(runner),
            8 => self.freeze(runner),
            9 => self.sleep(runner),
            10 => self.fill(host),
            _ => self.interrupt(runner),
        }
    }

    pub(super) fn chaos(&mut self) {
        if self.is_over() {
            return;
        }
        let runner = self.runners.last_idx();
        self.turn_to(self.runners[runner].plan);
        let names: Vec<HostName> = self.hosts.keys().cloned().collect();
        let pick = self.rng.range(0, names.len() as u64 - 1) as usize;
        match self.rng.range(0, 5) {
            0 => self.after(0, Item::Launch { plan: self.at }),
            1 => self.kill_host(&names[pick].clone()),
            2 => self.lose_link(runner, &names[pick].clone()),
            3 => self.interrupt(runner),
            4 => self.kill_runner(runner),
            _ => self.fill_journal(runner),
        }
    }

    pub(super) fn lose_link(&mut self, runner: RunnerIndex, host: &HostName) {
        let Some(link) = self.runners[runner].links.get_mut(host) else {
            return;
        };
        if !link.alive {
            return;
        }
        link.alive = false;
        let id = link.id;
        self.cover("a connection breaks");
        self.note(format!("runner {runner} loses {host}"));
        let delay = self.rng.range(0, 20_000);
        self.after(
            delay,
            Item::ToRunner {
                runner,
                link: Some((host.clone(), id)),
                event: Event::ChannelLost(host.clone(), "broken pipe".into()),
            },
        );
    }

    pub(super) fn kill_host(&mut self, host: &HostName) {
        let Some(sim) = self.hosts.get_mut(host) else {
            return;
        };
        if !sim.up {
            return;
        }
        sim.up = false;
        sim.boot += 1;
        sim.strangers.clear();
        for kept in sim.kept.values_mut() {
            kept.restarted |= sim.entered.contains(&kept.digest);
        }
        let (acting, plans) = (self.at, Vec::from_iter(sim.kept.keys().copied()));
        for plan in plans {
            self.turn_to(plan);
            self.stop_batches(host);
            self.lose_unsynced(host);
        }
        self.turn_to(acting);
        self.note(format!("{host} is killed"));
        self.cover("a host is restarted");
        for runner in self.runners.indices() {
            self.lose_link(runner, host);
        }
        let away = self.rng.range(1_000, 100_000);
        self.after(away, Item::HostBack { host: host.clone() });
    }

    /// Nothing of the plan that acts runs on a host any more.
    fn stop_batches(&mut self, host: &HostName) {
        let Some(sim) = self.hosts.get_mut(host) else {
            return;
        };
        for ((step, _), record) in &mut sim.of_mut(self.at).records {
            if std::mem::take(&mut record.alive) && std::mem::take(&mut record.commanding) {
                self.course.truth.stop_running(self.course.index[step]);
            }
        }
    }

    /// A power cut takes what steps of the host have left and was not synced: any claim of a step with a check, and any receipt. What the
    /// lock host has of local steps stays here: the judge holds the audit log against it.
    fn lose_unsynced(&mut self, host: &HostName) {
        if !self.rng.chance(500) {
            return;
        }
        let Some(sim) = self.hosts.get_mut(host) else {
            return;
        };
        let sim = sim.of_mut(self.at);
        let keys: Vec<_> = sim.records.keys().cloned().collect();
        for key in keys {
            let step = &self.course.plan[self.course.index[&key.0]];
            if step.host.is_none() {
                continue;
            }
            // A disk gets most of what is written within half a minute.
            let is_young = self.now < sim.records[&key].claimed + WRITTEN_BACK;
            match self.rng.range(0, 9) {
                0 if step.has_facts_check() => {
                    sim.records.remove(&key);
                }
                2..=5 if is_young && step.has_facts_check() => {
                    sim.records.remove(&key);
                }
                1 => {
                    if let Some(record) = sim.records.get_mut(&key) {
                        record.receipt = None;
                    }
                }
                _ => {}
            }
        }
    }

    /// The journal of a runner takes no entry from now on.
    fn fill_journal(&mut self, runner: RunnerIndex) {
        self.cover("the journal is full");
        self.runners[runner].journal_is_full = true;
    }

    /// The disk of a host is full for a while: it answers, and can write nothing.
    pub(super) fn fill(&mut self, host: &HostName) {
        self.cover("a disk is full");
        let full_until = self.now + self.rng.range(1_000, 90_000);
        self.note(format!("the disk of {host} is full until {full_until}"));
        if let Some(sim) = self.hosts.get_mut(host) {
            sim.full_until = full_until;
        }
    }

    pub(super) fn is_full(&self, host: &HostName) -> bool {
        !self.is_calm() && self.now < self.hosts[host].full_until
    }

    /// Answers that the disk is full.
    pub(super) fn answer_full(&mut self, runner: RunnerIndex, link: u64, host: &HostName) {
        let message = "cannot write x: No space left on device".to_owned();
        let event = Event::HostFailed(host.clone(), message);
        self.answer(runner, host, link, event);
    }

    /// Leaves a note in the lock, whoever holds it. Returns whether anybody does.
    fn leave_note(&mut self) -> bool {
        let sim = self.hosts.get_mut(&self.course.plan.lock_host);
        let Some(lock) = sim.and_then(|sim| sim.lock.as_mut()) else {
            return false;
        };
        lock.stop = Some(StopRequest {
            person: "Ann".into(),
            message: "rollback".into(),
        });
        let run = lock.run.clone();
        self.note(format!("run {run} is asked to stop by a note in the lock"));
        true
    }

    pub(super) fn kill_runner(&mut self, runner: RunnerIndex) {
        let at = &mut self.runners[runner];
        if at.dead || at.exited.is_some() {
            return;
        }
        at.dead = true;
        for link in at.links.values_mut() {
            link.alive = false;
        }
        self.note(format!("runner {runner} is killed"));
        self.cover("mrsk is killed");
        self.plan_beside();
        let delay = self.rng.range(100, 90_000);
        self.after(delay, Item::Launch { plan: self.at });
    }

    pub(super) fn freeze(&mut self, runner: RunnerIndex) {
        let long = self.rng.range(5_000, 200_000);
        let at = &mut self.runners[runner];
        if at.dead || at.exited.is_some() {
            return;
        }
        at.frozen_until = self.now + long;
        self.note(format!("runner {runner} is frozen for {long} ms"));
        self.cover("mrsk stands still");
        let delay = self.rng.range(100, 90_000);
        self.after(delay, Item::Launch { plan: self.at });
    }

    /// The user stops a run, or somebody else by a note in its lock.
    pub(super) fn interrupt(&mut self, runner: RunnerIndex) {
        self.cover("a run is interrupted");
        self.plan_beside();
        if self.now.is_multiple_of(3) && self.leave_note() {
            return;
        }
        let mut events = vec![Event::Interrupt];
        if self.rng.chance(300) {
            events.push(Event::Interrupt);
        }
        if self.rng.chance(300) {
            events.push(Event::Quit);
        }
        let mut delay = 0;
        for event in events {
            delay += self.rng.range(0, 3_000);
            let link = None;
            self.after(
                delay,
                Item::ToRunner {
                    runner,
                    link,
                    event,
                },
            );
        }
    }
}
