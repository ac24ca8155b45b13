// SPDX-License-Identifier: MIT OR Apache-2.0
//! What real BMCs do and ipmi_sim does not. Keys that end in `cc` are completion codes of a refusal.

use std::ops::RangeInclusive;

use anyhow::{Result, ensure};
use serde::Deserialize;

/// The quirks of a BMC, `[host.bmc.quirks]`. Without any, it behaves as ipmi_sim.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuirksSpec {
    /// Get User Access reports who is enabled (IPMI 2.0, section 22.27). IPMI messaging is apart from that.
    pub enable_status: bool,
    /// IPMI messaging of a user is apart from whether it is enabled; in ipmi_sim both are one.
    pub messaging_apart: bool,
    /// Slot 1 is one like the others; without this, it has the null user.
    pub slot_1_named: bool,
    /// The number of slots that exist, if there are fewer than reported.
    pub real_slots: Option<u8>,
    /// The number of enabled users that is reported.
    pub enabled_count: Option<u8>,
    /// A slot that does not exist.
    pub range_cc: Option<u8>,
    /// Slots whose name is refused.
    pub refused_slots: Vec<u8>,
    /// See `refused_slots`.
    pub refused_cc: Option<u8>,
    /// The name that a slot without a user has.
    pub empty_name: Option<String>,
    /// Get User Name of a slot without a user.
    pub empty_cc: Option<u8>,
    /// The access byte of a slot without a user.
    pub empty_access: Option<u8>,
    /// Get User Access of a slot without a user.
    pub empty_access_cc: Option<u8>,
    /// Disabling a slot without a user.
    pub disable_empty_cc: Option<u8>,
    /// A name that another slot has.
    pub dup_cc: Option<u8>,
    /// What becomes of a name that is set.
    pub names: Names,
    /// The bytes of a name that are kept.
    pub name_length: Option<usize>,
    /// Set User Access of a slot without a name.
    pub access_needs_name_cc: Option<u8>,
    /// Set User Access of a disabled user.
    pub access_needs_enabled_cc: Option<u8>,
    /// The number of data bytes that Set User Access must have.
    pub access_length: Option<usize>,
    /// Enabling or disabling slot 1.
    pub slot1_enable_cc: Option<u8>,
    /// Enabling and disabling a user needs as many data bytes as a password.
    pub enable_needs_bytes: bool,
    /// Enabling a user that has no password.
    pub enable_needs_password_cc: Option<u8>,
    /// The time after Set User Name in which this slot takes nothing else.
    pub name_settles: Option<Settling>,
    /// A password must have as many characters.
    pub weak_min: usize,
    /// A password must have as many of: lower case, upper case, digits, others.
    pub weak_classes: usize,
    /// A password must have none of these characters.
    pub weak_characters: String,
    /// A password that has a name of a user in it is weak.
    pub weak_name: bool,
    /// A weak password; by default it is not checked at all.
    pub weak_cc: Option<u8>,
    /// A weak password is answered as if it were set.
    pub weak_silent: bool,
    /// The longest password in the request, 16 or 20 bytes; longer ones are refused with C8h.
    pub password_bytes: Option<usize>,
    /// The time after a password in which no other is taken.
    pub password_settles: Option<Settling>,
    /// Testing a password.
    pub test_cc: Option<u8>,
    /// The test accepts any password, as that of ipmi_sim.
    pub test_any: bool,
    /// A password of the first slot is set for the second, too.
    pub cross_password: Option<[u8; 2]>,
    /// Disabling the first slot disables the second, too.
    pub cross_disable: Option<[u8; 2]>,
    /// The time after a change of the address source in which address, netmask and gateway are refused.
    pub source_settles: Option<Settling>,
    /// LAN parameter 0: set in progress.
    pub set_in_progress_cc: Option<u8>,
    /// The time in ms that DHCP takes: until then address, netmask and gateway are zeros.
    pub dhcp_ms: u64,
    /// The time in ms in which the BMC is silent after LAN parameters were set.
    pub reset_after_lan_ms: u64,
    /// The time in ms that each response takes.
    pub latency_ms: u64,
}

/// What becomes of a name that is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// It is kept.
    #[default]
    Kept,
    /// It is ignored.
    Ignored,
    /// It is kept in upper case.
    UpperCase,
    /// It is read padded with blanks.
    Padded,
}

/// A time in which requests are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settling {
    /// The time in ms.
    pub ms: u64,
    /// The completion code.
    pub cc: u8,
}

/// Completion codes of a refusal.
const CODES: RangeInclusive<u8> = 0x01..=0xff;

impl QuirksSpec {
    /// Errors name the key.
    pub(super) fn check(&self) -> Result<()> {
        for (key, code) in [
            ("range_cc", self.range_cc),
            ("refused_cc", self.refused_cc),
            ("empty_cc", self.empty_cc),
            ("empty_access_cc", self.empty_access_cc),
            ("disable_empty_cc", self.disable_empty_cc),
            ("dup_cc", self.dup_cc),
            ("access_needs_name_cc", self.access_needs_name_cc),
            ("access_needs_enabled_cc", self.access_needs_enabled_cc),
            ("slot1_enable_cc", self.slot1_enable_cc),
            ("enable_needs_password_cc", self.enable_needs_password_cc),
            ("weak_cc", self.weak_cc),
            ("test_cc", self.test_cc),
            ("set_in_progress_cc", self.set_in_progress_cc),
        ] {
            let is_refusal = code.is_none_or(|code| CODES.contains(&code));
            ensure!(is_refusal, "quirks.{key}: 0 is no completion code of a refusal");
        }
        let name = self.empty_name.as_deref().unwrap_or_default();
        ensure!(name.len() <= 16, "quirks.empty_name: {name:?} is longer than 16 bytes");
        ensure!(
            self.empty_name.is_none() || self.empty_cc.is_none(),
            "quirks.empty_cc: a slot without a user has a name already (empty_name)"
        );
        let has_rule =
            self.weak_min > 0 || self.weak_classes > 0 || self.weak_name || !self.weak_characters.is_empty();
        let has_outcome = self.weak_silent || self.weak_cc.is_some();
        ensure!(has_rule == has_outcome, "quirks.weak_cc: a rule for passwords needs weak_cc or weak_silent");
        Ok(())
    }
}
