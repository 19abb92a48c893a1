//! A world for templates that is the same everywhere: a few variables, commands that fail, no Ruby.

use mrsk::diagnostic::Diagnostic;
use mrsk::erb::{Failure, World};

/// The variables.
const VARIABLES: [(&str, &str); 4] = [
    ("USER", "deploy"),
    ("IMAGE", "acme/shop"),
    ("TOKEN", "hunter2hunter2"),
    ("WEB_PORT", "eighty"),
];

/// The world.
pub struct Fixed;

impl World for Fixed {
    fn prepare(&mut self) -> Result<(), Vec<Diagnostic>> {
        Ok(())
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        let found = VARIABLES.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.to_owned())
    }

    fn command(&mut self, command: &str) -> Result<String, Failure> {
        match command {
            "whoami" => Ok("deploy\n".to_owned()),
            _ => Err(Failure {
                how: "failed: exit status 127".to_owned(),
                said: format!("sh: 1: {command}: not found"),
            }),
        }
    }

    fn ruby(&mut self, _argv: &[String], _input: &str) -> Option<Result<String, Failure>> {
        None
    }
}
