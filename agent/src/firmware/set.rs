// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the bytes of a manifest set to a verified one: first the signature, then the content. Pure.

use stage1_contract::firmware::manifest::SCHEMA;
use stage1_contract::firmware::{FirmwareSet, ManifestSet, SetSource};
use thiserror::Error;

use super::signature::{self, Keys};

/// A manifest set before its verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where it came from.
    pub source: SetSource,
    /// Its text, whose bytes are signed.
    pub text: String,
    /// The signature in base64; `None` if it has none.
    pub signature: Option<String>,
}

/// A manifest set that may be used: signed by a key of the image, or unsigned where that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedManifest {
    /// Its content.
    pub set: ManifestSet,
    /// Where it came from.
    pub source: SetSource,
    /// Whether its signature is valid for a key of the image.
    pub signed: bool,
}

/// Why a manifest set is not used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SetError {
    /// It has no signature.
    #[error(
        "the set is not signed: sign it (stage1-inventory firmware sign), or allow unsigned sets (setting firmware-unsigned)"
    )]
    Unsigned,
    /// There is no key to verify the signature with.
    #[error("the set is signed, but this image has no key to verify it with: add {}", super::KEYS)]
    NoKeys,
    /// The signature is not valid for any key of the image.
    #[error("the signature is not valid for any key of this image ({}): the set is not used", super::KEYS)]
    BadSignature,
    /// It is not a manifest set.
    #[error("{0}")]
    Malformed(String),
    /// Its format is unknown.
    #[error("the set has schema {0}, this agent supports schema {SCHEMA}")]
    Schema(u32),
    /// Its last day is not a date.
    #[error("expires: {0:?} is not a date such as 2027-06-30")]
    Expires(String),
}

/// Verifies the signature of a set, and reads it. A set without signature is accepted only with `allow_unsigned`; one
/// with an invalid signature never is.
///
/// # Errors
/// [`SetError`]
pub(crate) fn verify(
    candidate: &Candidate,
    keys: &Keys,
    allow_unsigned: bool,
) -> Result<VerifiedManifest, SetError> {
    let signed = match &candidate.signature {
        None if allow_unsigned => false,
        None => return Err(SetError::Unsigned),
        Some(_) if keys.is_empty() && allow_unsigned => false,
        Some(_) if keys.is_empty() => return Err(SetError::NoKeys),
        Some(text) if signature::verify(keys, candidate.text.as_bytes(), text) => true,
        Some(_) => return Err(SetError::BadSignature),
    };
    Ok(VerifiedManifest { set: parse(&candidate.text)?, source: candidate.source.clone(), signed })
}

/// Of several sets the one with the greatest serial; of equal ones the first.
pub(crate) fn newest(sets: Vec<VerifiedManifest>) -> Option<VerifiedManifest> {
    sets.into_iter().rev().max_by_key(|verified| verified.set.serial)
}

/// Reads the text of a set, without its signature.
///
/// # Errors
/// [`SetError::Malformed`] with line and column, [`SetError::Schema`], [`SetError::Expires`].
pub fn parse(text: &str) -> Result<ManifestSet, SetError> {
    let set: ManifestSet = toml::from_str(text)
        .map_err(|error| SetError::Malformed(error.to_string().trim_end().to_string()))?;
    if set.schema != SCHEMA {
        return Err(SetError::Schema(set.schema));
    }
    if end(&set.expires).is_none() {
        return Err(SetError::Expires(set.expires));
    }
    Ok(set)
}

impl VerifiedManifest {
    /// Whether the last day is over at `now`, in seconds since 1970.
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        end(&self.set.expires).is_none_or(|end| now >= end)
    }

    /// The set in the report.
    pub(crate) fn report(&self, now: u64) -> FirmwareSet {
        FirmwareSet {
            serial: self.set.serial,
            source: self.source.clone(),
            signed: self.signed,
            expired: self.is_expired(now),
        }
    }
}

/// The end of a day such as `2027-06-30`, in seconds since 1970.
pub(super) fn end(date: &str) -> Option<u64> {
    let well_formed = date.len() == 10
        && date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !well_formed {
        return None;
    }
    let mut numbers = date.split('-').filter_map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if year < 1970 || day == 0 || day > length {
        return None;
    }
    let leap_days = |years: u64| years / 4 - years / 100 + years / 400;
    let days = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
        + lengths.iter().zip(1..month).map(|(length, _)| length).sum::<u64>()
        + day;
    Some(days * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firmware::signature::tests::{keys, sign};

    fn text(serial: u64) -> String {
        format!("schema = 1\nserial = {serial}\nexpires = \"2027-06-30\"\n")
    }

    fn candidate(text: &str, signature: Option<String>) -> Candidate {
        Candidate { source: SetSource::Image, text: text.to_string(), signature }
    }

    #[test]
    fn unsigned_sets_are_accepted_only_if_that_is_allowed() {
        let text = text(1);
        let signed = candidate(&text, Some(sign(&text)));
        assert!(verify(&signed, &keys(), false).unwrap().signed);
        assert!(verify(&signed, &keys(), true).unwrap().signed);
        let unsigned = candidate(&text, None);
        assert_eq!(verify(&unsigned, &keys(), false), Err(SetError::Unsigned));
        assert!(!verify(&unsigned, &keys(), true).unwrap().signed);
        let none = Keys::default();
        assert_eq!(verify(&signed, &none, false), Err(SetError::NoKeys));
        assert!(!verify(&signed, &none, true).unwrap().signed);
    }

    #[test]
    fn a_changed_set_is_never_accepted_nor_even_parsed() {
        let changed = candidate("neither TOML nor signed", Some(sign(&text(1))));
        for allow_unsigned in [false, true] {
            assert_eq!(verify(&changed, &keys(), allow_unsigned), Err(SetError::BadSignature));
        }
    }

    #[test]
    fn a_malformed_set_is_refused_with_line_and_column() {
        let error = |text: &str| parse(text).unwrap_err().to_string();
        assert!(
            error("schema = 1\nserial = 1\nexpires = \"2027-06-30\"\ncolour = 2\n")
                .contains("line 4, column 1")
        );
        assert!(error(&text(1).replace("schema = 1", "schema = 2")).contains("schema 2"));
        assert!(error(&text(1).replace("06-30", "06-31")).contains("2027-06-31"));
    }

    #[test]
    fn the_greater_serial_wins_and_of_equal_ones_the_first() {
        let verified =
            |serial, source| VerifiedManifest { set: parse(&text(serial)).unwrap(), source, signed: true };
        let of = |serials: [u64; 2]| {
            let [image, inventory] = serials;
            newest(vec![verified(image, SetSource::Image), verified(inventory, SetSource::Inventory)])
                .unwrap()
                .source
        };
        assert_eq!(
            (of([1, 2]), of([2, 1]), of([2, 2])),
            (SetSource::Inventory, SetSource::Image, SetSource::Image)
        );
        assert_eq!(newest(Vec::new()), None);
    }

    #[test]
    fn a_set_is_valid_until_the_end_of_its_last_day() {
        let verified =
            VerifiedManifest { set: parse(&text(1)).unwrap(), source: SetSource::Image, signed: true };
        // 2027-07-01T00:00:00Z
        assert!(!verified.is_expired(1_814_399_999));
        assert!(verified.is_expired(1_814_400_000));
        assert!(!verified.is_expired(0), "a clock without battery");
    }

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(end("1970-01-01"), Some(86_400));
        assert_eq!(end("2000-02-29"), Some(951_868_800));
        assert_eq!(end("2024-12-31"), Some(1_735_689_600));
        for bad in [
            "2100-02-29",
            "2027-02-29",
            "2027-13-01",
            "2027-00-01",
            "2027-01-00",
            "1969-12-31",
            "27-01-01",
            "2027-1-1",
            "2027-01-01T00:00:00Z",
            "",
        ] {
            assert_eq!(end(bad), None, "{bad}");
        }
    }
}
