// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who can log in: what decides before anything is taken away from anybody, and what judges the result.

use std::collections::BTreeSet;

use ipmi::app::Privilege;
use stage1_contract::{
    BmcUserOutcome, DesiredBmcConfig, DesiredUser, PasswordState, PrivilegeLevel, UnknownUsers,
};

use super::change::Change;
use super::config::{BmcConfig, SlotAccess, UserSlot};
use super::privilege;
use super::slots::{NameMatch, compare};

/// What is known of a BMC after it was read back. Nothing that was only written counts.
pub(crate) struct Evidence<'a> {
    pub(crate) desired: &'a DesiredBmcConfig,
    pub(crate) actual: &'a BmcConfig,
    /// The slot of each desired user and what is known of its password, in their order.
    pub(crate) users: &'a [BmcUserOutcome],
    /// Slots of desired users that are enabled by the BMC's count of enabled users.
    pub(crate) counted: &'a BTreeSet<u8>,
}

impl Evidence<'_> {
    /// Whether a desired administrator can log in from outside, as the BMC's own tests prove. Before that, nobody is disabled
    /// and nobody loses privileges.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn proven_administrator(&self) -> Result<(), String> {
        self.reachable()?;
        let administrators =
            self.users().filter(|(user, ..)| user.privilege == PrivilegeLevel::Administrator);
        let mut obstacle = "no administrator is desired".to_string();
        for (user, slot, password) in administrators {
            let proven = match password {
                PasswordState::Proven => Ok(()),
                PasswordState::NotDesired => Err("no password is configured for it".to_string()),
                _ => Err("its password is not proven".to_string()),
            };
            match proven.and_then(|()| self.in_place(user, slot)) {
                Ok(()) => return Ok(()),
                Err(cause) => obstacle = format!("administrator {}: {cause}", user.name),
            }
        }
        Err(obstacle)
    }

    /// What is not as desired with the users; nothing if all is.
    pub(crate) fn verdict(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (user, slot, password) in self.users() {
            let name = &user.name;
            if let Err(cause) = self.in_place(user, slot) {
                faults.push(format!("user {name}: {cause}"));
            }
            match password {
                PasswordState::Proven | PasswordState::NotDesired | PasswordState::Believed => {}
                PasswordState::Set => faults.push(format!(
                    "user {name}: the password was set, but the BMC cannot prove it: log in from outside to verify it"
                )),
                _ => faults.push(format!("user {name}: the password is not in place")),
            }
        }
        if self.desired.unknown_users == UnknownUsers::Disable {
            let left = self.actual.users.iter().filter(|slot| self.is_unknown(slot));
            faults.extend(left.map(|slot| format!("user {} {} can still log in", slot.id, described(slot))));
        }
        faults
    }

    /// Whether somebody who is not desired may be able to log in with the slot. Where the BMC does not report who is enabled,
    /// nobody can whom it does not count.
    pub(crate) fn is_unknown(&self, slot: &UserSlot) -> bool {
        let Some(access) = slot.access.filter(SlotAccess::may_log_in) else { return false };
        let are_all_counted = self.actual.enabled_users == u8::try_from(self.counted.len()).ok();
        let is_not_enabled = access.enabled.is_none() && are_all_counted;
        !is_not_enabled && !self.users.iter().any(|user| user.slot == Some(slot.id))
    }

    fn users(&self) -> impl Iterator<Item = (&DesiredUser, Option<u8>, &PasswordState)> {
        let known = self.desired.users.iter().zip(self.users);
        known.map(|(user, known)| (user, known.slot, &known.password))
    }

    /// Whether the channel can be reached from outside, with the privileges of an administrator.
    fn reachable(&self) -> Result<(), String> {
        let lan = self.actual.lan.as_ref().ok_or("the BMC has no LAN channel")?;
        let channel = lan.channel;
        let is_limited = lan.limit.is_some_and(is_below_administrator);
        match lan.has_address() {
            false => Err(format!("LAN channel {channel} has no address")),
            // Who closes it by intent proves the password by the BMC's own test.
            true if lan.is_available == Some(false) && self.desired.ipmi_over_lan != Some(false) => {
                Err(format!("IPMI over LAN is not always available on channel {channel}"))
            }
            true if is_limited => {
                Err(format!("LAN channel {channel} is limited to a level below administrator"))
            }
            true => Ok(()),
        }
    }

    /// Whether the user exists as desired, but for its password.
    fn in_place(&self, user: &DesiredUser, slot: Option<u8>) -> Result<(), String> {
        let slot = slot.and_then(|id| self.actual.users.iter().find(|slot| slot.id == id));
        let slot = slot.ok_or("it has no slot")?;
        let id = slot.id;
        match &slot.name {
            Ok(name) if compare(name, &user.name) == Some(NameMatch::Same) => {}
            Ok(name) => {
                return Err(format!("the BMC has the name {name:?} in slot {id}; use a name that it keeps"));
            }
            Err(error) => return Err(format!("the name in slot {id} cannot be read: {error}")),
        }
        let access = slot.access.ok_or_else(|| format!("its access in slot {id} cannot be read"))?;
        if !access.ipmi_messaging || Some(access.privilege) != privilege::settable(&user.privilege) {
            return Err(format!("the BMC does not give it the desired access in slot {id}"));
        }
        match access.enabled {
            Some(true) => Ok(()),
            Some(false) => Err(format!("it is disabled in slot {id}")),
            None if self.is_counted(id) => Ok(()),
            None => Err(format!("the BMC does not report whether it is enabled in slot {id}")),
        }
    }

    /// Whether a slot is enabled, where the BMC only counts enabled users.
    fn is_counted(&self, id: u8) -> bool {
        let counted = self.actual.enabled_users.map_or(0, usize::from);
        self.counted.contains(&id) && counted >= self.counted.len()
    }
}

/// Whether a change takes the means to log in, or an administrator's privileges, away from somebody who has them.
pub(crate) fn takes_away(change: &Change, actual: &BmcConfig) -> bool {
    match change {
        Change::UserDisable { .. } => true,
        Change::UserAccess { slot, privilege, .. } => {
            let is_administrator = actual.access(*slot).is_some_and(|access| access.is_administrator());
            *privilege != Privilege::Administrator && is_administrator
        }
        _ => false,
    }
}

/// The name of a slot, for people.
pub(crate) fn described(slot: &UserSlot) -> String {
    match slot.name.as_deref() {
        Ok("") => "(no name)".to_string(),
        Ok(name) => name.to_string(),
        Err(_) => "(name cannot be read)".to_string(),
    }
}

/// Whether an administrator lacks privileges on a channel with this limit.
fn is_below_administrator(limit: Privilege) -> bool {
    matches!(limit, Privilege::Callback | Privilege::User | Privilege::Operator | Privilege::NoAccess)
}

#[cfg(test)]
mod tests {
    use stage1_contract::Secret;

    use super::*;
    use crate::bmc::config::LanConfig;

    fn slot(id: u8, name: &str, privilege: Privilege, enabled: Option<bool>) -> UserSlot {
        let access = Some(SlotAccess { privilege, ipmi_messaging: true, enabled });
        let name = Ok(name.to_string());
        UserSlot { id, name, access, access_error: None, is_fixed: false, sol_payload: None }
    }

    fn admin(id: u8, name: &str) -> UserSlot {
        slot(id, name, Privilege::Administrator, Some(true))
    }

    fn config(users: Vec<UserSlot>) -> BmcConfig {
        let lan = LanConfig { channel: 1, address: Some([10, 9, 0, 7]), ..LanConfig::default() };
        BmcConfig { users, lan: Some(lan), ..BmcConfig::default() }
    }

    fn desired(unknown_users: UnknownUsers) -> DesiredBmcConfig {
        let user = DesiredUser {
            name: "ops".to_string(),
            privilege: PrivilegeLevel::Administrator,
            password: Some(Secret::new("4-Night-Watch")),
            generate: false,
            in_place: false,
        };
        DesiredBmcConfig { users: vec![user], unknown_users, ..DesiredBmcConfig::default() }
    }

    /// What the predicate and the verdict find, if "ops" is desired in slot 3.
    fn judged(
        actual: &BmcConfig,
        password: PasswordState,
        counted: &[u8],
    ) -> (Result<(), String>, Vec<String>) {
        let (desired, counted) = (desired(UnknownUsers::Disable), counted.iter().copied().collect());
        let users = [BmcUserOutcome { name: "ops".to_string(), slot: Some(3), password }];
        let evidence = Evidence { desired: &desired, actual, users: &users, counted: &counted };
        (evidence.proven_administrator(), evidence.verdict())
    }

    #[test]
    fn only_a_proven_administrator_on_a_channel_with_an_address_lets_others_be_disabled() {
        let fine = config(vec![admin(3, "ops")]);
        assert_eq!(judged(&fine, PasswordState::Proven, &[]), (Ok(()), vec![]));
        for password in [PasswordState::Set, PasswordState::Believed, PasswordState::Failed] {
            let (proven, _) = judged(&fine, password, &[]);
            assert_eq!(proven.unwrap_err(), "administrator ops: its password is not proven");
        }
        let with_lan = |set: &dyn Fn(&mut LanConfig)| {
            let mut config = fine.clone();
            config.lan.iter_mut().for_each(set);
            judged(&config, PasswordState::Proven, &[]).0
        };
        for address in [None, Some([0; 4]), Some([169, 254, 0, 17])] {
            assert_eq!(with_lan(&|lan| lan.address = address).unwrap_err(), "LAN channel 1 has no address");
        }
        assert_eq!(with_lan(&|lan| (lan.address, lan.has_ipv6) = (None, true)), Ok(()));
        assert!(
            with_lan(&|lan| lan.is_available = Some(false)).unwrap_err().contains("not always available")
        );
        assert!(with_lan(&|lan| lan.limit = Some(Privilege::Operator)).unwrap_err().contains("is limited"));
        assert_eq!(with_lan(&|lan| lan.limit = Some(Privilege::Administrator)), Ok(()));
        for (wrong, cause) in [
            (admin(3, "OPS"), "the BMC has the name \"OPS\" in slot 3"),
            (slot(3, "ops", Privilege::Operator, Some(true)), "does not give it the desired access"),
            (slot(3, "ops", Privilege::Administrator, Some(false)), "it is disabled in slot 3"),
            (UserSlot { access: None, ..admin(3, "ops") }, "its access in slot 3 cannot be read"),
            (admin(4, "ops"), "it has no slot"),
        ] {
            let (proven, verdict) = judged(&config(vec![wrong]), PasswordState::Proven, &[]);
            assert!(proven.unwrap_err().contains(cause), "{cause}");
            assert!(verdict[0].contains(cause), "{verdict:?}");
        }
    }

    #[test]
    fn without_a_report_of_who_is_enabled_the_count_decides() {
        let unsaid = |id, name| slot(id, name, Privilege::Administrator, None);
        let with_count = |count, counted: &[u8]| {
            let users = vec![unsaid(2, "ADMIN"), unsaid(3, "ops")];
            let config = BmcConfig { enabled_users: Some(count), ..config(users) };
            judged(&config, PasswordState::Proven, counted).0
        };
        assert_eq!(with_count(1, &[3]), Ok(()));
        assert!(with_count(1, &[]).unwrap_err().contains("does not report whether it is enabled"));
        assert!(with_count(0, &[3]).is_err());
    }

    #[test]
    fn the_verdict_is_against_passwords_that_nobody_proved_and_others_who_can_log_in() {
        let others = config(vec![admin(1, ""), admin(2, "root"), admin(3, "ops")]);
        let (_, verdict) = judged(&others, PasswordState::Proven, &[]);
        assert_eq!(verdict, ["user 1 (no name) can still log in", "user 2 root can still log in"]);
        let fine = config(vec![admin(3, "ops")]);
        assert_eq!(judged(&fine, PasswordState::Believed, &[]).1, Vec::<String>::new());
        assert!(judged(&fine, PasswordState::Set, &[]).1[0].contains("the BMC cannot prove it"));
        assert_eq!(judged(&fine, PasswordState::Failed, &[]).1, ["user ops: the password is not in place"]);
    }

    #[test]
    fn to_disable_or_to_lower_an_administrator_takes_away() {
        let actual = config(vec![admin(2, "ops"), slot(3, "watch", Privilege::User, Some(true))]);
        let access = |slot, privilege| Change::UserAccess { slot, name: String::new(), privilege };
        assert!(takes_away(&Change::UserDisable { slot: 3, name: String::new() }, &actual));
        assert!(takes_away(&access(2, Privilege::Operator), &actual));
        assert!(!takes_away(&access(2, Privilege::Administrator), &actual));
        assert!(!takes_away(&access(3, Privilege::Operator), &actual));
        assert!(!takes_away(&access(4, Privilege::User), &actual));
    }
}
