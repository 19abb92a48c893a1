//! Points in time.

/// Returns a point in time, in seconds since 1970, as `2026-11-26 02:13 UTC`.
pub fn utc(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok();
    let time = time.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let time = time.unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
