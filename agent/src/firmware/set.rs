// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the bytes of a manifest set to one that is believed: signature first, then what it says. Pure.

use stage1_contract::firmware::manifest::SCHEMA;
use stage1_contract::firmware::{FirmwareSet, ManifestSet, SetSource};
use thiserror::Error;

use super::signature::{self, Keys};

/// A manifest set as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where it came from.
    pub source: SetSource,
    /// Its bytes, which are signed.
    pub text: String,
    /// The signature, base64; `None` where it has none.
    pub signature: Option<String>,
}

/// A manifest set that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    /// What it says.
    pub set: ManifestSet,
    /// Where it came from.
    pub source: SetSource,
    /// Whether a key of the image has signed it.
    pub signed: bool,
}

/// Why a manifest set is not believed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SetError {
    /// It has no signature.
    #[error(
        "it is not signed; sign it (stage1-inventory firmware sign), or allow such sets (setting firmware-unsigned)"
    )]
    Unsigned,
    /// There is no key to check it with.
    #[error("it is signed, and the image has no key to check that with ({})", super::KEYS)]
    NoKeys,
    /// Its signature is none of the image's keys'.
    #[error("its signature is none of the image's keys' ({}): it is left alone", super::KEYS)]
    BadSignature,
    /// It is signed, and cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// It is of a format that this program does not know.
    #[error("it has schema {0}, this agent knows schema {SCHEMA}")]
    Schema(u32),
    /// Its last day is no date.
    #[error("expires: {0:?} is no date such as 2027-06-30")]
    Expires(String),
}

/// Believes a set that a key has signed; one without signature only where that is allowed. A signature that is there and
/// does not fit is never overlooked.
///
/// # Errors
/// [`SetError`]
pub fn believe(candidate: &Candidate, keys: &Keys, allow_unsigned: bool) -> Result<Believed, SetError> {
    let signed = match &candidate.signature {
        None if allow_unsigned => false,
        None => return Err(SetError::Unsigned),
        Some(_) if keys.is_empty() && allow_unsigned => false,
        Some(_) if keys.is_empty() => return Err(SetError::NoKeys),
        Some(text) if signature::verify(keys, candidate.text.as_bytes(), text) => true,
        Some(_) => return Err(SetError::BadSignature),
    };
    Ok(Believed { set: parse(&candidate.text)?, source: candidate.source.clone(), signed })
}

/// Of several sets the one with the greatest serial, the first of these.
pub fn newest(sets: Vec<Believed>) -> Option<Believed> {
    sets.into_iter().rev().max_by_key(|believed| believed.set.serial)
}

/// Reads a set that is believed.
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

impl Believed {
    /// Whether the last day is over at `now`, in seconds since 1970.
    pub fn is_expired(&self, now: u64) -> bool {
        end(&self.set.expires).is_none_or(|end| now >= end)
    }

    /// As the report has it.
    pub fn report(&self, now: u64) -> FirmwareSet {
        FirmwareSet {
            serial: self.set.serial,
            source: self.source.clone(),
            signed: self.signed,
            expired: self.is_expired(now),
        }
    }
}

/// The end of a day, `2027-06-30`, in seconds since 1970.
fn end(date: &str) -> Option<u64> {
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
    fn only_what_is_signed_is_believed_unless_that_is_allowed() {
        let text = text(1);
        let signed = candidate(&text, Some(sign(&text)));
        assert!(believe(&signed, &keys(), false).unwrap().signed);
        assert!(believe(&signed, &keys(), true).unwrap().signed);
        let unsigned = candidate(&text, None);
        assert_eq!(believe(&unsigned, &keys(), false), Err(SetError::Unsigned));
        assert!(!believe(&unsigned, &keys(), true).unwrap().signed);
        let none = Keys::default();
        assert_eq!(believe(&signed, &none, false), Err(SetError::NoKeys));
        assert!(!believe(&signed, &none, true).unwrap().signed);
    }

    #[test]
    fn a_set_that_was_changed_is_never_believed_nor_even_read() {
        let changed = candidate("neither TOML nor signed", Some(sign(&text(1))));
        for allow_unsigned in [false, true] {
            assert_eq!(believe(&changed, &keys(), allow_unsigned), Err(SetError::BadSignature));
        }
    }

    #[test]
    fn a_set_that_cannot_be_understood_is_refused_with_the_place() {
        let error = |text: &str| parse(text).unwrap_err().to_string();
        assert!(
            error("schema = 1\nserial = 1\nexpires = \"2027-06-30\"\ncolour = 2\n")
                .contains("line 4, column 1")
        );
        assert!(error(&text(1).replace("schema = 1", "schema = 2")).contains("schema 2"));
        assert!(error(&text(1).replace("06-30", "06-31")).contains("2027-06-31"));
    }

    #[test]
    fn the_greater_serial_wins_and_the_first_of_the_same() {
        let believed = |serial, source| Believed { set: parse(&text(serial)).unwrap(), source, signed: true };
        let of = |serials: [u64; 2]| {
            let [image, inventory] = serials;
            newest(vec![believed(image, SetSource::Image), believed(inventory, SetSource::Inventory)])
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
    fn a_set_holds_until_the_end_of_its_last_day() {
        let believed = Believed { set: parse(&text(1)).unwrap(), source: SetSource::Image, signed: true };
        // 2027-07-01T00:00:00Z
        assert!(!believed.is_expired(1_814_399_999));
        assert!(believed.is_expired(1_814_400_000));
        assert!(!believed.is_expired(0), "a clock without battery");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
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
