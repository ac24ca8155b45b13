// SPDX-License-Identifier: MIT OR Apache-2.0
//! `bond=NAME[:PORTS[:OPTIONS[:MTU]]]`; options are those of Documentation/networking/bonding.rst.

use netlink::link::Bond as Parameters;

use super::words::{device, fields};
use super::{Bond, ip};

/// By their numbers (include/uapi/linux/if_bonding.h).
pub(crate) const MODES: [&str; 7] =
    ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"];
pub(crate) const HASH_POLICIES: [&str; 6] =
    ["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"];
pub(crate) const LACP_RATES: [&str; 2] = ["slow", "fast"];
pub(crate) const AD_SELECT: [&str; 3] = ["stable", "bandwidth", "count"];
pub(crate) const FAIL_OVER_MAC: [&str; 3] = ["none", "active", "follow"];
const OPTIONS: &str =
    "mode, miimon, updelay, downdelay, lacp_rate, xmit_hash_policy, min_links, ad_select and fail_over_mac";
/// dracut's default, since the kernel's own, 0, never notices a cut cable.
const MIIMON: u32 = 100;

pub(super) fn parse(value: &str) -> Result<Bond, String> {
    let fields = fields(value)?;
    let (name, members, options, mtu) = match fields[..] {
        [name, members] => (name, members, "", ""),
        [name, members, options] => (name, members, options, ""),
        [name, members, options, mtu] => (name, members, options, mtu),
        _ => {
            return Err(format!(
                "{value:?} is not NAME:PORT,PORT:OPTIONS, such as bond0:eth0,eth1:mode=802.3ad"
            ));
        }
    };
    let name = device(name)?;
    let members = members.split(',').map(device).collect::<Result<Vec<String>, String>>()?;
    let mut parameters = Parameters::default();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        set(&mut parameters, option)?;
    }
    if parameters.mode != 4 && (parameters.lacp_rate.is_some() || parameters.ad_select.is_some()) {
        return Err("lacp_rate and ad_select need mode=802.3ad".to_string());
    }
    parameters.miimon = parameters.miimon.filter(|miimon| *miimon > 0).or(Some(MIIMON));
    Ok(Bond { name, members, parameters, mtu: ip::mtu(mtu)? })
}

fn set(parameters: &mut Parameters, option: &str) -> Result<(), String> {
    let (key, value) = option.split_once('=').ok_or_else(|| format!("{option:?} is not OPTION=VALUE"))?;
    let number = || value.parse::<u32>().map_err(|_| format!("{option:?}: {value:?} is not a number"));
    let word = |words: &[&str]| {
        let by_name = words.iter().position(|word| *word == value);
        let at = by_name.or_else(|| value.parse().ok().filter(|at| *at < words.len()));
        at.map(|at| at as u8).ok_or_else(|| format!("{option:?}: {value:?} is none of {}", words.join(", ")))
    };
    match key {
        "mode" => parameters.mode = word(&MODES)?,
        "miimon" => parameters.miimon = Some(number()?),
        "updelay" => parameters.updelay = Some(number()?),
        "downdelay" => parameters.downdelay = Some(number()?),
        "lacp_rate" => parameters.lacp_rate = Some(word(&LACP_RATES)?),
        "xmit_hash_policy" => parameters.xmit_hash_policy = Some(word(&HASH_POLICIES)?),
        "min_links" => parameters.min_links = Some(number()?),
        "ad_select" => parameters.ad_select = Some(word(&AD_SELECT)?),
        "fail_over_mac" => parameters.fail_over_mac = Some(word(&FAIL_OVER_MAC)?),
        _ => return Err(format!("unknown option {key:?}; known are {OPTIONS}")),
    }
    Ok(())
}
