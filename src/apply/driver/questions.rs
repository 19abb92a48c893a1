//! Questions that a host answers at once: each is a task that tells its answer.

use std::time::Duration;

use super::convert::record;
use super::tasks::Driver;
use crate::apply::state::{Action, Event};
use crate::record::AttemptState;
use crate::transport::answer::{BeatAnswer, FenceAnswer, WriteAnswer};
use crate::transport::request::{AttemptRef, Lock};

/// Age of the last beat after which a lock is taken over.
const TAKE_OVER_AFTER: Duration = Duration::from_secs(60);

impl Driver {
    /// Asks a host one question and tells its answer.
    pub(super) fn ask(&mut self, action: Action) {
        let lock_host = self.plan.lock_host.clone();
        let links = self.links.clone();
        let run = self.run.clone();
        match action {
            Action::TakeLock => {
                let request = Lock {
                    details: self.details.clone(),
                    take_over_after: TAKE_OVER_AFTER,
                };
                self.spawn(lock_host.clone(), |teller| async move {
                    let answer = links.get(&lock_host).await?.lock(&request).await?;
                    teller.event(Event::Lock(answer));
                    Ok(())
                });
            }
            Action::Beat => self.spawn(lock_host.clone(), |teller| async move {
                let answer = links.get(&lock_host).await?.beat(&run).await?;
                let held = answer == BeatAnswer::Held;
                teller.event(Event::Beaten { held });
                Ok(())
            }),
            Action::Release => self.spawn(lock_host.clone(), |teller| async move {
                links.get(&lock_host).await?.release(&run).await?;
                teller.event(Event::Released);
                Ok(())
            }),
            Action::Inspect { host } => {
                let place = self.place(&host);
                let query = self.query.clone();
                self.spawn(host.clone(), |teller| async move {
                    let facts = links.inspect(&host, &query).await?;
                    let attempts = links.get(&host).await?.list(&place).await?;
                    let facts = Box::new(facts);
                    teller.event(Event::Inspected {
                        host,
                        facts,
                        attempts,
                    });
                    Ok(())
                });
            }
            Action::Fence { host, serial } => {
                let place = self.place(&host);
                self.spawn(host.clone(), |teller| async move {
                    let answer = links.get(&host).await?.fence(&place, &run, serial).await?;
                    teller.event(match answer {
                        FenceAnswer::Fenced(attempts) => Event::Fenced { host, attempts },
                        FenceAnswer::Superseded(serial) => Event::FenceRefused { host, serial },
                    });
                    Ok(())
                });
            }
            Action::List { host } => {
                let place = self.place(&host);
                self.spawn(host.clone(), |teller| async move {
                    let attempts = links.get(&host).await?.list(&place).await?;
                    teller.event(Event::Listed { host, attempts });
                    Ok(())
                });
            }
            Action::Attach {
                host,
                step,
                attempt,
            } => {
                let place = self.place(&host);
                let reference = AttemptRef {
                    step: step.hash(),
                    number: attempt,
                };
                self.spawn(host.clone(), |teller| async move {
                    let state = links.get(&host).await?.attach(&place, &reference).await?;
                    teller.event(Event::Attached {
                        step,
                        attempt,
                        state: state.unwrap_or(AttemptState::Lost),
                    });
                    Ok(())
                });
            }
            Action::Record {
                host,
                step,
                attempt,
                ended,
                value,
            } => {
                let place = self.place(&host);
                let record = record(&step, attempt, ended, value, run);
                self.spawn(host.clone(), |teller| async move {
                    let answer = links.get(&host).await?.record(&place, &record).await?;
                    teller.event(match answer {
                        WriteAnswer::Written => Event::Recorded { step },
                        WriteAnswer::Refused => Event::Refused { host },
                    });
                    Ok(())
                });
            }
            Action::Finish { host } => {
                let place = self.place(&host);
                let lines = self.audit.take(&host);
                self.spawn(host.clone(), |teller| async move {
                    let linked = links.get(&host).await?;
                    let answer = linked.finish(&place, &run, &lines).await?;
                    teller.event(match answer {
                        WriteAnswer::Written => Event::Finished { host },
                        WriteAnswer::Refused => Event::Refused { host },
                    });
                    Ok(())
                });
            }
            // Carried out by `carry_out` itself.
            Action::Start { .. }
            | Action::StartLocal { .. }
            | Action::CheckLocal { .. }
            | Action::Reconnect { .. }
            | Action::Journal(_)
            | Action::Report(_)
            | Action::Exit(_) => {}
        }
    }
}
