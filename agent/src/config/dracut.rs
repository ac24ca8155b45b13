// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parameters of dracut.cmdline(7) on the kernel command line that are settings too. Several of one name are a list.

use super::SettingError;
use super::network::{NetworkConfig, boot_port};
use crate::cmdline::parameters;

/// The settings, and dracut's words for them.
const WORDS: [(&str, &str); 6] = [
    ("ip", "ip"),
    ("vlan", "vlan"),
    ("bond", "bond"),
    ("nameserver", "nameserver"),
    ("ifname", "ifname"),
    ("route", "rd.route"),
];
/// Words of dracut for what the agent does not make.
const UNSUPPORTED: [&str; 2] = ["bridge", "team"];
const BOOTIF: &str = "BOOTIF";

/// Whether a setting is a list that this module collects.
pub(super) fn is_list(key: &str) -> bool {
    WORDS.iter().any(|(setting, _)| *setting == key)
}

/// The lists on the command line, as dracut's words or after `stage1.`: setting, word, and the values with blanks between
/// them.
pub(super) fn lists(line: &str) -> Vec<(&'static str, &'static str, String)> {
    let list = |(key, word): &(&'static str, &'static str)| {
        let mut values = values(line, word);
        values.extend(
            parameters(line, "stage1.").into_iter().filter(|(name, _)| name == key).filter_map(|(_, v)| v),
        );
        (!values.is_empty()).then(|| (*key, *word, values.join(" ")))
    };
    WORDS.iter().filter_map(list).collect()
}

/// The command line without dracut's words: in an initramfs of dracut they are for dracut, which understands more of them.
pub(crate) fn removed(line: &str) -> String {
    let is_dracuts = |word: &str| {
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        WORDS.iter().any(|(_, word)| *word == name) || UNSUPPORTED.contains(&name)
    };
    line.split(' ').filter(|word| !is_dracuts(word)).collect::<Vec<_>>().join(" ")
}

/// Takes the port that the boot loader used, and checks how the settings of the network fit together.
pub(super) fn finish(network: &mut NetworkConfig, line: &str) -> Vec<SettingError> {
    let error = |cause| SettingError { origin: "kernel command line".to_string(), cause };
    let mut errors = Vec::new();
    if let Some(value) = values(line, BOOTIF).last() {
        match boot_port(value) {
            Ok(mac) => network.boot_port = Some(mac),
            Err(cause) => errors.push(error(format!("{BOOTIF}: {cause}"))),
        }
    }
    for word in UNSUPPORTED.iter().filter(|word| !values(line, word).is_empty()) {
        errors
            .push(error(format!("{word}= is not supported: the agent makes bonds and VLANs, and no {word}")));
    }
    let origin = "kernel command line or settings file".to_string();
    errors
        .extend(network.conflicts().into_iter().map(|cause| SettingError { origin: origin.clone(), cause }));
    errors
}

/// The values of a parameter, in their order.
fn values(line: &str, word: &str) -> Vec<String> {
    let found = parameters(line, word).into_iter();
    found.filter(|(rest, _)| rest.is_empty()).filter_map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dracuts_words_can_be_removed() {
        let line = "quiet ip=ibft bridge=br0:eth0 stage1.vlan=eth0.7:eth0 BOOTIF=01-52-54-00-09-01-01 append=\"a b\"";
        let left = "quiet stage1.vlan=eth0.7:eth0 BOOTIF=01-52-54-00-09-01-01 append=\"a b\"";
        assert_eq!(removed(line), left);
        assert_eq!(lists(&removed(line)), [("vlan", "vlan", "eth0.7:eth0".to_string())]);
    }
}
