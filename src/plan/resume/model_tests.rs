//! The decision table again, as a model.

use proptest::prelude::*;
use serde_json::json;

use super::tests::*;
use super::*;

/// The decision table again, written from the end of a chain instead of as a fold over a graph.
fn model(states: &[Vec<AttemptState>], facts: &[Option<bool>]) -> Vec<Status> {
    let mut later_began = false;
    let mut statuses = Vec::new();
    for (states, fact) in states.iter().zip(facts).rev() {
        let next = states.len() as u32 + 1;
        let running = states
            .iter()
            .rposition(|state| *state == AttemptState::Running);
        let counts = states
            .iter()
            .rev()
            .find(|state| **state != ended(Ending::Refused));
        statuses.push(match (running, counts) {
            (Some(at), _) => Status::Running {
                attempt: at as u32 + 1,
            },
            (None, None) => Status::Outstanding { attempt: next },
            (None, Some(AttemptState::Lost)) => match (later_began, fact) {
                (true, _) | (false, Some(true)) => Status::Done,
                (false, Some(false)) => Status::Outstanding { attempt: next },
                (false, None) => Status::NeedsProbe,
            },
            (None, Some(state)) if *state == ended(Ending::Succeeded) => Status::Done,
            (None, Some(_)) => Status::Failed { attempt: next },
        });
        later_began |= !states.is_empty();
    }
    statuses.reverse();
    statuses
}

fn any_state() -> impl Strategy<Value = AttemptState> {
    prop_oneof![
        Just(AttemptState::Running),
        Just(AttemptState::Lost),
        Just(ended(Ending::Succeeded)),
        Just(ended(Ending::Failed { code: 1 })),
        Just(ended(Ending::TimedOut)),
        Just(ended(Ending::Refused)),
        Just(ended(Ending::Stopped)),
    ]
}

proptest! {
    #[test]
    fn a_chain_agrees_with_the_model(
        states in prop::collection::vec(prop::collection::vec(any_state(), 0..4), 1..6),
        there in prop::collection::vec(any::<bool>(), 6),
        asked in any::<bool>(),
    ) {
        let names = ["s0", "s1", "s2", "s3", "s4", "s5"];
        let mut steps = Vec::new();
        let mut attempts = Vec::new();
        for (index, states) in states.iter().enumerate() {
            let needs = &names[index.saturating_sub(1)..index];
            steps.push(step(names[index], Some("h"), needs));
            for (number, state) in (1..).zip(states) {
                attempts.push(attempt(names[index], number, state.clone()));
            }
        }
        let mut files = serde_json::Map::new();
        for (name, there) in names.iter().zip(&there) {
            if *there {
                files.insert((*name).to_owned(), json!({"sha256": "1"}));
            }
        }
        let facts = asked.then(|| json!({"files": files}));
        let answers: Vec<Option<bool>> = there.iter().map(|there| asked.then_some(*there)).collect();
        prop_assert_eq!(
            statuses(&plan(steps), &evidence(attempts, facts)),
            model(&states, &answers)
        );
    }
}
