// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the options that are desired.

use ipmi::app::GetChannelKey;
use ipmi::chassis::{BootFlags, GetBootOption};
use ipmi::dcmi::{GetAssetTag, GetControllerId};
use stage1_contract::{BmcDcmi, DesiredBmcConfig};

use super::{OptionId, boot};
use crate::bmc::change::ChangeId;
use crate::bmc::session::LenientSession;
use crate::bmc::survey::Survey;

/// The longest management controller ID.
const LONGEST: usize = 63;

/// Reads what a plan for the desired configuration needs.
pub(crate) fn read(session: &mut LenientSession, survey: &mut Survey, desired: &DesiredBmcConfig) {
    survey.config.options.clear_sel_above = desired.clear_sel_above;
    if desired.k_g.is_some() {
        let other: Vec<u8> = survey.config.other_networks().collect();
        let channels = survey.channel().into_iter().chain(other);
        survey.config.options.keys = channels.map(|channel| (channel, read_key(session, channel))).collect();
    }
    if desired.boot.is_some() {
        read_boot(session, survey);
    }
    if let Some(dcmi) = &desired.dcmi {
        read_dcmi(session, survey, dcmi.asset_tag.is_some(), dcmi.controller_id.is_some());
    }
}

/// Reads again what these changes affect.
pub(crate) fn read_back(session: &mut LenientSession, survey: &mut Survey, ids: &[ChangeId]) {
    let has = |id| ids.contains(&ChangeId::Option(id));
    for (channel, key) in &mut survey.config.options.keys {
        if has(OptionId::Key(*channel)) {
            *key = read_key(session, *channel);
        }
    }
    if has(OptionId::Boot) {
        read_boot(session, survey);
    }
    read_dcmi(session, survey, has(OptionId::AssetTag), has(OptionId::ControllerId));
}

/// Not every BMC shows it, and those that do not use various codes.
fn read_key(session: &mut LenientSession, channel: u8) -> Option<ipmi::app::ChannelKey> {
    session.try_ask(&GetChannelKey { channel })?.ok()
}

fn read_boot(session: &mut LenientSession, survey: &mut Survey) {
    let flags = session.ask(&GetBootOption::<BootFlags>::NEW).map(|option| {
        let is_valid = option.value.is_valid && !option.is_invalid;
        BootFlags { is_valid, ..option.value }
    });
    survey.config.options.boot = flags;
    survey.report.boot = flags.as_ref().map(boot);
}

fn read_dcmi(session: &mut LenientSession, survey: &mut Survey, asset_tag: bool, controller_id: bool) {
    let options = &mut survey.config.options;
    if asset_tag {
        options.asset_tag = read_asset_tag(session);
    }
    if controller_id {
        options.controller_id = read_controller_id(session);
    }
    if asset_tag || controller_id {
        let (asset_tag, controller_id) = (options.asset_tag.clone(), options.controller_id.clone());
        survey.report.dcmi = Some(BmcDcmi { asset_tag, controller_id });
    }
}

fn read_asset_tag(session: &mut LenientSession) -> Option<String> {
    let length = session.ask(&GetAssetTag { offset: 0, count: 0 })?.length;
    let mut tag: Vec<u8> = Vec::new();
    while let Some(piece) = u8::try_from(tag.len()).ok().and_then(|offset| GetAssetTag::next(offset, length))
    {
        let piece = session.ask(&piece)?;
        if piece.bytes.is_empty() {
            break;
        }
        tag.extend(piece.bytes);
    }
    tag.truncate(length.into());
    Some(text(&tag))
}

fn read_controller_id(session: &mut LenientSession) -> Option<String> {
    let mut id: Vec<u8> = Vec::new();
    loop {
        let piece = session.ask(&GetControllerId { offset: u8::try_from(id.len()).ok()? })?;
        let (is_last, length) =
            (piece.bytes.is_empty() || piece.bytes.contains(&0), usize::from(piece.length));
        id.extend(piece.bytes);
        if is_last || id.len() >= length.min(LONGEST) {
            id.truncate(length);
            return Some(text(&id));
        }
    }
}

/// Up to the closing NUL.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
