//! The functions that scripts are made of, one file for each room.

pub(super) const ATTEMPT: &str = include_str!("attempt.sh");
pub(super) const AUDIT: &str = include_str!("audit.sh");
pub(super) const BASE64: &str = include_str!("base64.sh");
pub(super) const COMPLETE: &str = include_str!("complete.sh");
pub(super) const FENCE: &str = include_str!("fence.sh");
pub(super) const FINISH: &str = include_str!("finish.sh");
pub(super) const FORGET: &str = include_str!("forget.sh");
pub(super) const HALT: &str = include_str!("halt.sh");
pub(super) const LOCK: &str = include_str!("lock.sh");
pub(super) const MERGE: &str = include_str!("merge.sh");
pub(super) const OPEN: &str = include_str!("open.sh");
pub(super) const OTHERS: &str = include_str!("others.sh");
pub(super) const POLL: &str = include_str!("poll.sh");
pub(super) const QUEUE: &str = include_str!("queue.sh");
pub(super) const REACH: &str = include_str!("reach.sh");
pub(super) const ROUTED: &str = include_str!("routed.sh");
pub(super) const STATE: &str = include_str!("state.sh");
pub(super) const STEP: &str = include_str!("step.sh");
pub(super) const TURN: &str = include_str!("turn.sh");
pub(super) const WHOLE: &str = include_str!("whole.sh");
