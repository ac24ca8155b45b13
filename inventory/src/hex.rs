// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lower-case hexadecimal text: digests and random tokens.

use anyhow::{Result, anyhow};
use ring::rand::{SecureRandom, SystemRandom};

/// Two digits per byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 random bytes from the kernel.
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow!("reading random bytes from the kernel failed"))?;
    Ok(encode(&bytes))
}
