//! What is known about the hosts: the question that is asked, and the answer that was given.

pub mod model;
/// placeholder
pub fn refusals(_: &model::HostFacts) -> Vec<String> {
    Vec::new()
}
