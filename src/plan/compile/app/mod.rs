//! Operations on the app's own containers: boot, start and stop.

mod stop;

use super::{Draft, bootstrap, broadcast, labels, proxy, pull, switch};
use crate::plan::operation::AppOperation;

/// Adds the steps of an operation on the app.
pub fn run(draft: &mut Draft, operation: &AppOperation) {
    match operation {
        AppOperation::Boot(_) => boot(draft),
        AppOperation::Start => start(draft),
        AppOperation::Stop => {
            bootstrap::check_engine(draft);
            stop::run(draft);
        }
    }
}

/// Replaces every container by one of the same image, which is pulled only where it is missing.
fn boot(draft: &mut Draft) {
    bootstrap::run(draft);
    pull::missing(draft);
    route(draft);
    broadcast::run(draft);
}

/// Starts containers that exist.
pub fn start(draft: &mut Draft) {
    bootstrap::run(draft);
    route(draft);
}

fn route(draft: &mut Draft) {
    proxy::network::run(draft);
    proxy::start::run(draft);
    labels::run(draft);
    switch::run(draft);
}
