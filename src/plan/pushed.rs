//! What was pushed: what this run pushed, or what the registry answers now. Records of hosts are
//! compared with its answer, and never stand for it.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::Handling;
use super::model::{Answer, Check, Step};
use crate::action::Action;
use crate::name::{HostName, StepId};

/// What the records of hosts say about a push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushClaims {
    /// The digest of the push's receipt on the lock host: a hint.
    pub recorded: Option<String>,
    /// The digests that hosts have pulled of this plan.
    pub pulled: BTreeMap<HostName, String>,
    /// Hosts that have begun to pull or start the image.
    pub begun: BTreeSet<HostName>,
}

/// What follows from the registry's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushVerdict {
    /// The registry has the image of this plan.
    Pushed,
    /// It does not, and no host has begun: it is pushed.
    Push,
    /// The registry does not answer.
    NoAnswer,
    /// A host has begun, and the registry has another image, or none. Why, with both digests: one
    /// version never has two images.
    Conflict(String),
}

impl PushClaims {
    /// Judges a push by the registry's answer to its check, with the digest that the registry has.
    ///
    /// A check that compares the source the image was built from ([`Check::Argv`]) proves which
    /// image that is. One that only asks what is there ([`Check::Registry`]) does so if the lock
    /// host recorded that digest when it was pushed, or a host has pulled it.
    pub fn judge(
        &self,
        check: Option<&Check>,
        answer: Answer,
        digest: Option<&str>,
    ) -> PushVerdict {
        let digest = match (answer, digest) {
            (Answer::Yes, Some(digest)) => digest,
            (Answer::Yes, None) | (Answer::CannotSay, _) => return PushVerdict::NoAnswer,
            (Answer::No, _) => {
                return match self.begun.first() {
                    None => PushVerdict::Push,
                    Some(host) => PushVerdict::Conflict(self.missing(host)),
                };
            }
        };
        let other = self.pulled.iter().find(|(_, pulled)| *pulled != digest);
        if let Some((host, pulled)) = other {
            return PushVerdict::Conflict(format!(
                "the registry has {digest}, but {host} has pulled {pulled} as this version: deploy \
                 another version with a new plan"
            ));
        }
        let is_known = self.recorded.as_deref() == Some(digest) || !self.begun.is_empty();
        match check {
            Some(Check::Registry(_)) if !is_known => PushVerdict::Push,
            _ => PushVerdict::Pushed,
        }
    }

    fn missing(&self, host: &HostName) -> String {
        let what = match self.pulled.get(host) {
            Some(digest) => format!("has pulled {digest} as this version"),
            None => "has begun to pull or start it".to_owned(),
        };
        format!(
            "the registry does not have this version's image any more, but {host} {what}: deploy \
             another version with a new plan"
        )
    }
}

/// Returns whether a step pushes the image.
pub fn is_push(step: &Step) -> bool {
    step.kind.handling() == Handling::RecordDigest
}

/// Returns whether a step pulls what `push` pushed.
pub fn pulls_what(step: &Step, push: &StepId) -> bool {
    step.action.iter().any(|action| match action {
        Action::VerifyImage(image) => image.pushed_by.as_ref() == Some(push),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "sha256:1";
    const TWO: &str = "sha256:2";

    #[test]
    fn the_registry_decides_and_one_version_never_has_two_images() {
        let source = Check::Argv(vec!["imagetools".into()]);
        let there = Check::Registry(vec![vec!["manifest".into()]]);
        let claims = |recorded: Option<&str>, pulled: Option<&str>, begun: bool| PushClaims {
            recorded: recorded.map(str::to_owned),
            pulled: pulled
                .map(|digest| ("h".into(), digest.to_owned()))
                .into_iter()
                .collect(),
            begun: begun.then(|| "h".into()).into_iter().collect(),
        };
        let none = || claims(None, None, false);
        let hint = |digest| claims(Some(digest), None, false);
        let judge = |claims: PushClaims, check: &Check, answer, digest| match claims.judge(
            Some(check),
            answer,
            digest,
        ) {
            PushVerdict::Conflict(why) => format!("conflict: {why}"),
            verdict => format!("{verdict:?}"),
        };
        let yes = (Answer::Yes, Some(ONE));
        for (claims, check, (answer, digest), expected) in [
            (none(), &source, yes, "Pushed"),
            (hint(TWO), &source, yes, "Pushed"),
            (none(), &there, yes, "Push"),
            (hint(TWO), &there, yes, "Push"),
            (hint(ONE), &there, yes, "Pushed"),
            (claims(None, Some(ONE), true), &there, yes, "Pushed"),
            (hint(ONE), &there, (Answer::No, None), "Push"),
            (hint(ONE), &there, (Answer::CannotSay, None), "NoAnswer"),
            (hint(ONE), &there, (Answer::Yes, None), "NoAnswer"),
        ] {
            assert_eq!(judge(claims, check, answer, digest), expected);
        }
        let differs = judge(
            claims(Some(ONE), Some(TWO), true),
            &there,
            Answer::Yes,
            Some(ONE),
        );
        assert!(differs.starts_with("conflict") && differs.contains(ONE) && differs.contains(TWO));
        for pulled in [None, Some(TWO)] {
            let gone = judge(claims(Some(TWO), pulled, true), &there, Answer::No, None);
            assert!(
                gone.starts_with("conflict: the registry does not have"),
                "{gone}"
            );
        }
    }
}
