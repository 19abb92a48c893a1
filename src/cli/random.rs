//! Random bytes.

use super::failure::Failure;
use crate::exit_code::ExitCode;

/// Returns random bytes from the system.
pub fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(filled) if filled == N => Ok(bytes),
        _ => {
            let message = "cannot get random bytes from the system";
            Err(Failure::new(ExitCode::Failed, message))
        }
    }
}
