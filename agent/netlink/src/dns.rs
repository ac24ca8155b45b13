// SPDX-License-Identifier: MIT OR Apache-2.0
//! DNS messages of a stub resolver: one question for the addresses of a name (RFC 1035; AAAA of RFC 3596).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::array;

const HEADER: usize = 12;
/// RFC 1035 2.3.4: longest label, and longest name with the length of each label and the root.
const LONGEST_LABEL: usize = 63;
const LONGEST_NAME: usize = 255;
const CLASS_IN: u16 = 1;
const TYPE_CNAME: u16 = 5;
/// Flags of RFC 1035 4.1.1, in the second word of the header.
const RESPONSE: u16 = 1 << 15;
const AUTHORITATIVE: u16 = 1 << 10;
const TRUNCATED: u16 = 1 << 9;
const RECURSION_DESIRED: u16 = 1 << 8;
const RECURSION_AVAILABLE: u16 = 1 << 7;

/// An address family: which record is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4: A.
    V4,
    /// IPv6: AAAA.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    fn record_type(self) -> u16 {
        match self {
            Self::V4 => 1,
            Self::V6 => 28,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "A",
            Self::V6 => "AAAA",
        })
    }
}

/// A name as it is in a message: labels, each with its length, up to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Vec<u8>);

impl Name {
    /// A name from text; a dot at its end is allowed. `None` if it is no host name that DNS can hold: a label is empty or
    /// longer than 63 bytes, the name is longer than 253, or a byte is not printable ASCII.
    pub fn new(text: &str) -> Option<Self> {
        let mut name = Vec::new();
        for label in text.strip_suffix('.').unwrap_or(text).split('.') {
            let length = u8::try_from(label.len()).ok().filter(|&length| length > 0)?;
            if label.len() > LONGEST_LABEL || !label.bytes().all(|byte| byte.is_ascii_graphic()) {
                return None;
            }
            name.push(length);
            name.extend_from_slice(label.as_bytes());
        }
        name.push(0);
        (name.len() <= LONGEST_NAME).then_some(Self(name))
    }

    /// Reads a name, which may be compressed (RFC 1035 4.1.4). Returns it with the offset of what follows it.
    fn read(message: &[u8], at: usize) -> Option<(Self, usize)> {
        let mut name = Vec::new();
        let (mut at, mut after) = (at, None);
        loop {
            let length = *message.get(at)?;
            match length >> 6 {
                0 => {
                    let end = at + 1 + usize::from(length);
                    name.extend_from_slice(message.get(at..end)?);
                    if name.len() > LONGEST_NAME {
                        return None;
                    }
                    at = end;
                    if length == 0 {
                        return Some((Self(name), after.unwrap_or(at)));
                    }
                }
                3 => {
                    let pointer = usize::from(u16::from_be_bytes(array(message, at)?) & 0x3fff);
                    after.get_or_insert(at + 2);
                    // A pointer points backwards ("a prior occurrence"), so that there is no loop.
                    at = Some(pointer).filter(|&pointer| pointer < at)?;
                }
                _ => return None,
            }
        }
    }

    /// Names are equal whatever the case of their letters (RFC 4343).
    fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

/// As text, without the dot at the end.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_slice();
        let mut dot = "";
        while let Some((&length, after)) = rest.split_first().filter(|(length, _)| **length > 0) {
            let (label, next) = after.split_at_checked(length.into()).unwrap_or((after, &[]));
            write!(f, "{dot}{}", label.escape_ascii())?;
            (rest, dot) = (next, ".");
        }
        Ok(())
    }
}

/// A question for the addresses of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Random, repeated by the answer.
    pub id: u16,
    /// Whose addresses.
    pub name: Name,
    /// Which.
    pub family: Family,
}

/// A server's answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the server answered the question at all.
    pub code: Code,
    /// The addresses of the name, or of the name that it is an alias of.
    pub addresses: Vec<IpAddr>,
    /// The name is an alias of this one, whose addresses are not in the answer.
    pub alias: Option<Name>,
    /// The answer did not fit: the whole of it is to be had by TCP.
    pub truncated: bool,
    /// The server knows nothing about the name and asks nobody else: it neither has authority nor does recursion.
    pub lame: bool,
}

/// A response code (RCODE; RFC 1035 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u8);

impl Code {
    /// The question was answered. Without an address: the name exists, and has none of this family.
    pub const NO_ERROR: Self = Self(0);
    /// The name does not exist.
    pub const NO_SUCH_NAME: Self = Self(3);
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("NOERROR"),
            1 => f.write_str("FORMERR"),
            2 => f.write_str("SERVFAIL"),
            3 => f.write_str("NXDOMAIN"),
            4 => f.write_str("NOTIMP"),
            5 => f.write_str("REFUSED"),
            code => write!(f, "RCODE {code}"),
        }
    }
}

impl Question {
    /// Encodes the question, as it is sent by UDP.
    pub fn encode(&self) -> Vec<u8> {
        let words = [self.id, RECURSION_DESIRED, 1, 0, 0, 0];
        let mut message: Vec<u8> = words.into_iter().flat_map(u16::to_be_bytes).collect();
        message.extend_from_slice(&self.name.0);
        message.extend([self.family.record_type(), CLASS_IN].into_iter().flat_map(u16::to_be_bytes));
        message
    }

    /// Decodes an answer; `None` if it is damaged, or the answer to another question.
    pub fn decode(&self, message: &[u8]) -> Option<Answer> {
        let word = |at| array(message, at).map(u16::from_be_bytes);
        let (flags, questions, answers) = (word(2)?, word(4)?, word(6)?);
        if word(0)? != self.id || flags & RESPONSE == 0 {
            return None;
        }
        let code = Code((flags & 0xf) as u8);
        let truncated = flags & TRUNCATED != 0;
        let lame = flags & (AUTHORITATIVE | RECURSION_AVAILABLE) == 0;
        let mut answer = Answer { code, addresses: Vec::new(), alias: None, truncated, lame };
        // Servers may leave out the question of an answer that is an error.
        let mut at = HEADER;
        if questions == 1 {
            let (name, after) = Name::read(message, at)?;
            let asked = [self.family.record_type(), CLASS_IN];
            if !name.is(&self.name) || [word(after)?, word(after + 2)?] != asked {
                return None;
            }
            at = after + 4;
        } else if questions != 0 || code == Code::NO_ERROR {
            return None;
        }
        let records = self.records(message, at, answers);
        // What is missing of a truncated answer is not damage.
        let records = if truncated { records.0 } else { Some(records).filter(|(_, whole)| *whole)?.0 };
        let chain = chain(&self.name, &records);
        let of_chain = |record: &&Record| chain.iter().any(|name| name.is(&record.owner));
        answer.addresses = records.iter().filter(of_chain).filter_map(Record::address).collect();
        answer.lame &= answer.addresses.is_empty() && chain.len() == 1 && code == Code::NO_ERROR;
        answer.alias =
            chain.into_iter().skip(1).next_back().filter(|_| answer.addresses.is_empty() && !truncated);
        Some(answer)
    }

    /// The records that matter of the answer section, and whether it is whole.
    fn records(&self, message: &[u8], mut at: usize, count: u16) -> (Vec<Record>, bool) {
        let mut records = Vec::new();
        for _ in 0..count {
            match self.record(message, at) {
                Some((record, after)) => {
                    records.extend(record);
                    at = after;
                }
                None => return (records, false),
            }
        }
        (records, true)
    }

    /// The record at an offset, if it is of a type that matters, and the offset of the next one.
    fn record(&self, message: &[u8], at: usize) -> Option<(Option<Record>, usize)> {
        let word = |at| array(message, at).map(u16::from_be_bytes);
        let (owner, at) = Name::read(message, at)?;
        let (kind, class, length) = (word(at)?, word(at + 2)?, word(at + 8)?);
        let data_at = at + 10;
        let after = data_at + usize::from(length);
        let data = message.get(data_at..after)?;
        let content = match (kind, self.family) {
            _ if class != CLASS_IN => return Some((None, after)),
            (TYPE_CNAME, _) => Content::Alias(Name::read(message, data_at)?.0),
            (1, Family::V4) => Content::Address(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
            (28, Family::V6) => Content::Address(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
            _ => return Some((None, after)),
        };
        Some((Some(Record { owner, content }), after))
    }
}

struct Record {
    owner: Name,
    content: Content,
}

enum Content {
    Address(IpAddr),
    Alias(Name),
}

impl Record {
    fn address(&self) -> Option<IpAddr> {
        match self.content {
            // Filters answer so for names that they block; a connection to it would be one to this host.
            Content::Address(address) => {
                Some(address).filter(|ip| !ip.is_unspecified() && !ip.is_multicast())
            }
            Content::Alias(_) => None,
        }
    }
}

/// The name and those that it is an alias of, one after the other, whatever the order of the records.
fn chain(name: &Name, records: &[Record]) -> Vec<Name> {
    let mut chain = vec![name.clone()];
    while let Some(last) = chain.last() {
        let next = records.iter().find_map(|record| match &record.content {
            Content::Alias(target) if record.owner.is(last) => Some(target),
            _ => None,
        });
        match next.filter(|next| !chain.iter().any(|name| name.is(next))) {
            Some(next) => chain.push(next.clone()),
            None => break,
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn question(text: &str, family: Family) -> Question {
        Question { id: 0x1234, name: name(text), family }
    }

    /// An answer to the question, with records whose owner names are given as bytes.
    fn answer(question: &Question, flags: u16, records: &[(&[u8], u16, &[u8])]) -> Vec<u8> {
        let mut message = question.encode();
        message[2..4].copy_from_slice(&(RESPONSE | flags).to_be_bytes());
        message[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
        for (owner, kind, data) in records {
            message.extend_from_slice(owner);
            message
                .extend([*kind, CLASS_IN, 0, 60, data.len() as u16].into_iter().flat_map(u16::to_be_bytes));
            message.extend_from_slice(data);
        }
        message
    }

    const RA: u16 = RECURSION_AVAILABLE;
    /// A pointer to the name of the question.
    const ASKED: &[u8] = &[0xc0, 12];

    #[test]
    fn a_question_as_dig_sends_it() {
        let expected =
            b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09inventory\x04test\x00\x00\x01\x00\x01";
        assert_eq!(question("inventory.test", Family::V4).encode(), expected);
        let aaaa = question("inventory.test.", Family::V6).encode();
        assert_eq!(aaaa[aaaa.len() - 4..], [0, 28, 0, 1]);
    }

    #[test]
    fn names_that_dns_cannot_hold() {
        let long = [["a".repeat(63)].as_slice(); 4].concat().join(".");
        for text in ["", ".", "a..b", ".a", "a b", "ü", &"a".repeat(64), &long] {
            assert_eq!(Name::new(text), None, "{text:?}");
        }
        assert_eq!(name("Inventory.test.").to_string(), "Inventory.test");
        assert!(Name::new(&long[..253]).is_some());
    }

    #[test]
    fn addresses_of_the_family_that_was_asked_for() {
        let question = question("inventory.test", Family::V4);
        let records: [(&[u8], u16, &[u8]); 6] = [
            // What a filter answers.
            (ASKED, 1, &[0, 0, 0, 0]),
            (ASKED, 1, &[224, 0, 0, 1]),
            (ASKED, 1, &[10, 9, 0, 1]),
            (ASKED, 28, &[0xfd; 16]),
            (b"\x05other\0", 1, &[10, 9, 0, 3]),
            (b"\x09INVENTORY\xc0\x16", 1, &[10, 9, 0, 2]),
        ];
        let found = question.decode(&answer(&question, RA, &records)).unwrap();
        let expected: [IpAddr; 2] = [[10, 9, 0, 1].into(), [10, 9, 0, 2].into()];
        assert_eq!(
            (found.addresses.as_slice(), found.code, found.lame),
            (&expected[..], Code::NO_ERROR, false)
        );
    }

    #[test]
    fn an_alias_is_followed_in_any_order() {
        let question = question("i.test", Family::V6);
        let records: [(&[u8], u16, &[u8]); 3] = [
            (b"\x04real\xc0\x0e", 28, &[0xfd; 16]),
            (b"\x01b\xc0\x0e", TYPE_CNAME, b"\x04real\xc0\x0e"),
            (ASKED, TYPE_CNAME, b"\x01b\xc0\x0e"),
        ];
        let found = question.decode(&answer(&question, RA, &records)).unwrap();
        assert_eq!((found.addresses.len(), found.alias), (1, None));
        let found = question.decode(&answer(&question, RA, &records[1..])).unwrap();
        assert_eq!(found.alias.unwrap().to_string(), "real.test");
        let looped = [(ASKED, TYPE_CNAME, &b"\xc0\x0c"[..])];
        assert_eq!(question.decode(&answer(&question, RA, &looped)).unwrap().alias, None);
    }

    #[test]
    fn errors_and_answers_without_an_address() {
        let question = question("inventory.test", Family::V6);
        for (code, text) in [(3, "NXDOMAIN"), (5, "REFUSED"), (4, "NOTIMP"), (2, "SERVFAIL"), (9, "RCODE 9")]
        {
            let found = question.decode(&answer(&question, RA | code, &[])).unwrap();
            assert_eq!(
                (found.code.to_string().as_str(), found.addresses.len(), found.lame),
                (text, 0, false)
            );
        }
        let mut short = answer(&question, RA | 1, &[]);
        short[5] = 0;
        short.truncate(HEADER);
        assert_eq!(question.decode(&short).unwrap().code, Code(1));
        assert!(question.decode(&answer(&question, 0, &[])).unwrap().lame);
        assert!(!question.decode(&answer(&question, RA, &[])).unwrap().lame);
    }

    #[test]
    fn what_is_no_answer_to_the_question() {
        let asked = question("inventory.test", Family::V4);
        let good = answer(&asked, RA, &[(ASKED, 1, &[10, 9, 0, 1])]);
        assert!(asked.decode(&good).is_some());
        assert_eq!(asked.decode(&asked.encode()), None);
        assert_eq!(question("other.test", Family::V4).decode(&good), None);
        assert_eq!(question("inventory.test", Family::V6).decode(&good), None);
        assert_eq!(Question { id: 1, ..asked.clone() }.decode(&good), None);
        for length in 0..good.len() {
            assert_eq!(asked.decode(&good[..length]), None, "{length}");
        }
        let short_address = answer(&asked, RA, &[(ASKED, 1, &[10, 9, 0])]);
        assert_eq!(asked.decode(&short_address), None);
    }

    #[test]
    fn of_a_truncated_answer_what_is_there() {
        let asked = question("inventory.test", Family::V4);
        let mut message =
            answer(&asked, RA | TRUNCATED, &[(ASKED, 1, &[10, 9, 0, 1]), (ASKED, 1, &[10, 9, 0, 2])]);
        message.truncate(message.len() - 3);
        let found = asked.decode(&message).unwrap();
        assert_eq!((found.truncated, found.addresses.len()), (true, 1));
    }

    proptest! {
        #[test]
        fn no_message_causes_a_panic_or_a_loop(
            tail in prop::collection::vec(prop::sample::select(vec![0u8, 1, 5, 12, 28, 60, 63, 0xc0, 0xff]), 0..120),
            counts in any::<[u8; 2]>(),
        ) {
            let asked = question("inventory.test", Family::V4);
            let mut message = answer(&asked, RA, &[]);
            message[7] = counts[0];
            message[5] = counts[1] & 1;
            message.extend(tail);
            if let Some(found) = asked.decode(&message) {
                prop_assert!(found.addresses.len() <= usize::from(counts[0]));
            }
        }

        #[test]
        fn a_name_reads_as_it_was_written(text in "[a-z0-9_-]{1,20}(\\.[a-z0-9-]{1,20}){0,4}") {
            let (read, after) = Name::read(&name(&text).0, 0).unwrap();
            prop_assert_eq!((read.to_string(), after), (text.clone(), text.len() + 2));
        }
    }
}
