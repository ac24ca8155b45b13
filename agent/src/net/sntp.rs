// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages of the Simple Network Time Protocol (RFC 4330, RFC 5905 7.3). Pure.

use std::time::Duration;

use thiserror::Error;

/// Octets of a message without extensions.
const LENGTH: usize = 48;
/// Seconds from 1900 to 1970.
const TO_1970: u64 = 2_208_988_800;
/// Seconds of an era: the seconds of a timestamp have 32 bits.
const ERA: u64 = 1 << 32;

/// Why a response gives no time.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SntpError {
    /// It is not of a server, or not to this request.
    #[error("the response is not one to this request")]
    NotAResponse,
    /// Stratum 0: the server refuses to answer, with a code of four letters (RFC 5905 7.4).
    #[error("the server refuses: {0}")]
    Refused(String),
    /// The server's own clock is not set.
    #[error("the server has no time of its own yet")]
    Unsynchronised,
}

/// A request of version 4. `cookie` stands in for the client's time, so that a response can be distinguished from another's, and
/// the clock of this host stays its own affair.
pub fn request(cookie: [u8; 8]) -> [u8; LENGTH] {
    let mut message = [0; LENGTH];
    // Leap indicator 0, version 4, mode 3 (client).
    message[0] = 4 << 3 | 3;
    message[40..].copy_from_slice(&cookie);
    message
}

/// The server's time since 1970. Timestamps wrap around in 2036: the time is the one next to `about`.
///
/// # Errors
/// [`SntpError`].
pub fn time(message: &[u8], cookie: [u8; 8], about: u64) -> Result<Duration, SntpError> {
    let Some(message) = message.first_chunk::<LENGTH>() else { return Err(SntpError::NotAResponse) };
    let (leap, mode, stratum) = (message[0] >> 6, message[0] & 7, message[1]);
    if mode != 4 || message[24..32] != cookie {
        return Err(SntpError::NotAResponse);
    }
    if stratum == 0 {
        let code: String = message[12..16].iter().map(|byte| char::from(*byte)).collect();
        return Err(SntpError::Refused(code.trim_end_matches('\0').to_string()));
    }
    let number = |at: usize| {
        u64::from(u32::from_be_bytes([message[at], message[at + 1], message[at + 2], message[at + 3]]))
    };
    let (seconds, fraction) = (number(40), number(44));
    if leap == 3 || stratum > 15 || (seconds, fraction) == (0, 0) {
        return Err(SntpError::Unsynchronised);
    }
    let eras = ((about + TO_1970).saturating_sub(seconds) + ERA / 2) / ERA;
    let seconds = (seconds + eras * ERA).saturating_sub(TO_1970);
    let nanoseconds = u32::try_from((fraction * 1_000_000_000) >> 32).unwrap_or_default();
    Ok(Duration::new(seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIE: [u8; 8] = *b"cookie!!";

    fn response(seconds: u32) -> [u8; LENGTH] {
        let mut message = [0; LENGTH];
        message[0] = 4 << 3 | 4;
        message[1] = 2;
        message[24..32].copy_from_slice(&COOKIE);
        message[40..44].copy_from_slice(&seconds.to_be_bytes());
        message[44] = 0x80;
        message
    }

    #[test]
    fn a_request_is_one_of_a_client() {
        let request = request(COOKIE);
        assert_eq!((request[0], &request[1..40], &request[40..]), (0x23, &[0; 39][..], &COOKIE[..]));
    }

    #[test]
    fn a_time_is_that_of_the_nearest_era() {
        // 2023-11-14T22:13:20Z, which is 3908988800 since 1900.
        let expected = Duration::from_millis(1_700_000_000_500);
        assert_eq!(time(&response(3_908_988_800), COOKIE, 1_600_000_000), Ok(expected));
        assert_eq!(time(&response(3_908_988_800), COOKIE, 0), Ok(expected));
        assert_eq!(time(&response(3_908_988_800), COOKIE, 1_800_000_000), Ok(expected));
        // 2036-02-07T06:28:16Z is second 0 of era 1; a tenth of a second later it is no longer "not set".
        assert_eq!(time(&response(0), COOKIE, 1_700_000_000), Ok(Duration::from_millis(2_085_978_496_500)));
    }

    #[test]
    fn what_gives_no_time_is_refused_with_the_reason() {
        let error = |change: fn(&mut [u8; LENGTH])| {
            let mut message = response(3_908_988_800);
            change(&mut message);
            time(&message, COOKIE, 0).unwrap_err()
        };
        assert_eq!(error(|m| m[0] = 4 << 3 | 3), SntpError::NotAResponse);
        assert_eq!(error(|m| m[31] ^= 1), SntpError::NotAResponse);
        assert_eq!(error(|m| m[0] |= 0xc0), SntpError::Unsynchronised);
        assert_eq!(error(|m| m[1] = 16), SntpError::Unsynchronised);
        assert_eq!(error(|m| m[40..48].fill(0)), SntpError::Unsynchronised);
        assert_eq!(
            error(|m| {
                m[1] = 0;
                m[12..16].copy_from_slice(b"RATE");
            }),
            SntpError::Refused("RATE".to_string())
        );
        assert_eq!(time(&response(1)[..47], COOKIE, 0), Err(SntpError::NotAResponse));
    }
}
