// SPDX-License-Identifier: MIT OR Apache-2.0
//! Injected faults of a BMC, as text: `06 46 times 2 cc C0`, `06 47/**02 shorten 8`, `0C 02/**03 delay 1500`.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail, ensure};
use serde::Deserialize;

use super::codec::Message;

/// A fault, and the requests it applies to: `NETFN CMD[/DATA] [after N] [times N] FAULT`. The numbers of network function, command
/// and data are hexadecimal; `*` is any network function or command, `**` any byte of the data. The data is compared with
/// the start of the request's data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rule {
    /// The request's network function; `None`: any.
    pub net_fn: Option<u8>,
    /// The request's command; `None`: any.
    pub code: Option<u8>,
    /// Start of the request's data; `None`: any byte.
    pub data: Vec<Option<u8>>,
    /// Number of such requests before the first fault.
    pub after: u32,
    /// Number of faults after that; `None`: no limit.
    pub times: Option<u32>,
    /// The fault.
    pub fault: Fault,
}

/// A fault in the handling of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `cc XX`, `answer XX...`: the request is not executed; the response has this completion code and data.
    Answer(Vec<u8>),
    /// `drop`: the request is not executed, and there is no response.
    Drop,
    /// `lose`: the request is executed, and there is no response.
    Lose,
    /// `delay MS`: the response is delayed.
    Delay(Duration),
    /// `late`: the response is sent after the next request.
    Late,
    /// `twice`: the response is sent twice.
    Twice,
    /// `data XX...`: the response's data after the completion code is replaced by these bytes.
    Data(Vec<u8>),
    /// `cut N`: the response is truncated to N bytes after the completion code.
    Cut(usize),
    /// `blank XX`: a response of zeros only is replaced by this completion code.
    Blank(u8),
    /// `checksum`: the response has a wrong checksum.
    Checksum,
    /// `sequence`: the response has another sequence number. QEMU's KCS interface hangs after that.
    Sequence,
    /// `shorten N`: a password that is set is truncated to N bytes.
    Shorten(usize),
    /// `hang`: there is no response to this and all further requests.
    Hang,
    /// `disconnect`: the connection to the BMC breaks, and can be opened again.
    Disconnect,
}

impl Rule {
    /// Whether the rule matches the request, regardless of `after` and `times`.
    pub fn matches(&self, request: &Message) -> bool {
        let is = |expected: Option<u8>, byte: u8| expected.is_none_or(|expected| expected == byte);
        is(self.net_fn, request.net_fn)
            && is(self.code, request.code)
            && self.data.len() <= request.data.len()
            && self.data.iter().zip(&request.data).all(|(&expected, &byte)| is(expected, byte))
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Rule> {
        read(text).with_context(|| format!("fault rule {text:?}"))
    }
}

impl TryFrom<String> for Rule {
    type Error = String;

    fn try_from(text: String) -> Result<Rule, String> {
        text.parse().map_err(|error: Error| format!("{error:#}"))
    }
}

fn read(text: &str) -> Result<Rule> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [net_fn, command, rest @ ..] = words.as_slice() else { bail!("no network function and command") };
    let mut rest = rest;
    let (code, data) = command.split_once('/').unwrap_or((command, ""));
    let mut rule = Rule {
        net_fn: unless_any(net_fn)?,
        code: unless_any(code)?,
        data: pairs(data).map(unless_any).collect::<Result<_>>()?,
        after: 0,
        times: None,
        fault: Fault::Drop,
    };
    if let ["after", count, others @ ..] = rest {
        rule.after = number(count)?;
        rest = others;
    }
    if let ["times", count, others @ ..] = rest {
        rule.times = Some(number(count)?);
        rest = others;
    }
    rule.fault = fault(rest)?;
    Ok(rule)
}

fn fault(words: &[&str]) -> Result<Fault> {
    Ok(match words {
        ["cc" | "answer", bytes @ ..] if !bytes.is_empty() => Fault::Answer(self::bytes(bytes)?),
        ["drop"] => Fault::Drop,
        ["lose"] => Fault::Lose,
        ["delay", milliseconds] => Fault::Delay(Duration::from_millis(number(milliseconds)?.into())),
        ["late"] => Fault::Late,
        ["twice"] => Fault::Twice,
        ["data", bytes @ ..] => Fault::Data(self::bytes(bytes)?),
        ["cut", length] => Fault::Cut(usize::try_from(number(length)?)?),
        ["blank", code] => Fault::Blank(byte(code)?),
        ["checksum"] => Fault::Checksum,
        ["sequence"] => Fault::Sequence,
        ["shorten", length] => Fault::Shorten(usize::try_from(number(length)?)?),
        ["hang"] => Fault::Hang,
        ["disconnect"] => Fault::Disconnect,
        _ => bail!(
            "unknown fault {:?}; faults: cc XX, answer XX..., drop, lose, delay MS, late, twice, data XX..., cut N, \
             blank XX, checksum, sequence, shorten N, hang, disconnect",
            words.join(" ")
        ),
    })
}

fn number(word: &str) -> Result<u32> {
    word.parse().with_context(|| format!("{word:?} is not a number"))
}

fn unless_any(word: &str) -> Result<Option<u8>> {
    if word == "*" || word == "**" { Ok(None) } else { byte(word).map(Some) }
}

fn bytes(words: &[&str]) -> Result<Vec<u8>> {
    words.iter().flat_map(|word| pairs(word)).map(byte).collect()
}

fn pairs(text: &str) -> impl Iterator<Item = &str> {
    text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or("?"))
}

fn byte(word: &str) -> Result<u8> {
    let is_pair = word.len() == 2 && word.bytes().all(|digit| digit.is_ascii_hexdigit());
    ensure!(is_pair, "{word:?} is not two hex digits");
    Ok(u8::from_str_radix(word, 16)?)
}

impl Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |byte: Option<u8>, any: &str| byte.map_or(any.to_string(), |byte| format!("{byte:02X}"));
        write!(formatter, "{} {}", word(self.net_fn, "*"), word(self.code, "*"))?;
        if !self.data.is_empty() {
            let data: String = self.data.iter().map(|&byte| word(byte, "**")).collect();
            write!(formatter, "/{data}")?;
        }
        if self.after > 0 {
            write!(formatter, " after {}", self.after)?;
        }
        if let Some(times) = self.times {
            write!(formatter, " times {times}")?;
        }
        write!(formatter, " {}", self.fault)
    }
}

impl Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        match self {
            Fault::Answer(bytes) if bytes.len() == 1 => write!(formatter, "cc {}", hex(bytes)),
            Fault::Answer(bytes) => write!(formatter, "answer {}", hex(bytes)),
            Fault::Drop => formatter.write_str("drop"),
            Fault::Lose => formatter.write_str("lose"),
            Fault::Delay(time) => write!(formatter, "delay {}", time.as_millis()),
            Fault::Late => formatter.write_str("late"),
            Fault::Twice => formatter.write_str("twice"),
            Fault::Data(bytes) => write!(formatter, "data {}", hex(bytes)),
            Fault::Cut(length) => write!(formatter, "cut {length}"),
            Fault::Blank(code) => write!(formatter, "blank {code:02X}"),
            Fault::Checksum => formatter.write_str("checksum"),
            Fault::Sequence => formatter.write_str("sequence"),
            Fault::Shorten(length) => write!(formatter, "shorten {length}"),
            Fault::Hang => formatter.write_str("hang"),
            Fault::Disconnect => formatter.write_str("disconnect"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(net_fn: u8, code: u8, data: &[u8]) -> Message {
        Message { sequence: 1, net_fn, lun: 0, code, data: data.to_vec() }
    }

    #[test]
    fn parses_its_own_output() {
        for text in [
            "06 46 cc C0",
            "06 46/05 after 1 times 2 cc C0",
            "06 47/**02 shorten 8",
            "2C * answer 00DC01",
            "* * delay 1500",
            "0A 43 data FF00",
            "0A 43 data ",
            "06 01 cut 3",
            "06 46 blank CC",
        ] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
        for fault in ["drop", "lose", "late", "twice", "checksum", "sequence", "hang", "disconnect"] {
            let text = format!("06 01 {fault}");
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
        assert_eq!("06 04 answer 00 55 00".parse::<Rule>().unwrap().fault, Fault::Answer(vec![0, 0x55, 0]));
    }

    #[test]
    fn errors_have_the_cause() {
        for (text, expected) in [
            ("06", "no network function and command"),
            ("6 46 drop", "\"6\" is not two hex digits"),
            ("06 46/0 drop", "\"0\" is not two hex digits"),
            ("06 46/+1 drop", "\"+1\" is not two hex digits"),
            ("06 46", "unknown fault \"\"; faults: cc XX"),
            ("06 46 stall", "unknown fault \"stall\""),
            ("06 46 cc", "unknown fault \"cc\""),
            ("06 46 times x drop", "\"x\" is not a number"),
            ("06 46 data ü", "is not two hex digits"),
        ] {
            let error = format!("{:#}", text.parse::<Rule>().unwrap_err());
            assert!(error.contains(text) && error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn matches_network_function_command_and_data() {
        let rule: Rule = "06 47/**02 drop".parse().unwrap();
        assert!(rule.matches(&request(6, 0x47, &[9, 2, 1])));
        for other in [
            request(6, 0x47, &[2, 3]),
            request(6, 0x47, &[2]),
            request(6, 0x46, &[9, 2]),
            request(4, 0x47, &[9, 2]),
        ] {
            assert!(!rule.matches(&other), "{other:?}");
        }
        let any: Rule = "* * drop".parse().unwrap();
        assert!(any.matches(&request(0x3e, 0xff, &[])));
    }
}
