// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random bytes.

use anyhow::{Result, anyhow};
use ring::rand::{SecureRandom, SystemRandom};

/// `N` random bytes, not for secrets: if the kernel has none, they come from the clock.
pub fn bytes<const N: usize>() -> [u8; N] {
    secret().unwrap_or_else(|_| {
        let mut bytes = [0; N];
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        for (byte, clock) in bytes.iter_mut().zip(clock.as_nanos().to_le_bytes().iter().cycle()) {
            *byte = *clock;
        }
        bytes
    })
}

/// `N` random bytes that are fit for a secret.
///
/// # Errors
/// If the kernel has no random bytes.
pub fn secret<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow!("the kernel has no random bytes"))?;
    Ok(bytes)
}

/// A random duration from zero to `whole`, evenly distributed.
pub fn share(whole: std::time::Duration) -> std::time::Duration {
    whole.mul_f64(f64::from(u32::from_le_bytes(bytes())) / f64::from(u32::MAX))
}
