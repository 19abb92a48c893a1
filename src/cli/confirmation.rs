//! Asks a person whether a plan that was shown is to be applied.

use std::io::{BufRead, IsTerminal};

use super::failure::Failure;
use super::output;
use crate::apply::driver::signals;
use crate::exit_code::ExitCode;
use crate::plan::Plan;

/// Returns whether somebody can be asked.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks whether to go on. Fails if the answer is not yes, or if nobody can be asked.
pub async fn ask(plan: &Plan) -> Result<(), Failure> {
    if !can_ask() {
        let message = format!(
            "`mrsk {}` asks for confirmation, and there is no terminal",
            plan.operation.name()
        );
        return Err(Failure::new(ExitCode::Usage, message)
            .help("pass --yes to apply the plan that is shown above; nothing was changed"));
    }
    let why = tokio::select! {
        is_confirmed = says_yes("Apply this plan? [y/N] ") => match is_confirmed {
            true => return Ok(()),
            false => "not confirmed",
        },
        () = signals::received(signals::stopping()) => "interrupted",
    };
    Err(Failure::new(ExitCode::Interrupted, why).help("nothing was changed"))
}

/// Asks whether the deploy lock of a dead run is taken over although that has left something open.
pub async fn takes_over() -> bool {
    says_yes("Take over the deploy lock? [y/N] ").await
}

/// Prints a question, and returns whether the answer is yes. Heartbeats of a lock that is held go on meanwhile.
async fn says_yes(question: &str) -> bool {
    output::print_question(question);
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut answer)
            .map(|_| answer)
    });
    matches!(answer.await, Ok(Ok(answer)) if is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_yes_is_yes() {
        for (answer, expected) in [
            ("y\n", true),
            (" Yes \n", true),
            ("\n", false),
            ("", false),
            ("n\n", false),
            ("yes please\n", false),
        ] {
            assert_eq!(is_yes(answer), expected, "{answer:?}");
        }
    }
}
