// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::BTreeMap;

use ipmi::NetFn;
use stage1_contract::{DesiredBmcConfig, Secret};

use super::*;
use crate::bmc::change::Change;
use crate::bmc::config::LanConfig;
use crate::bmc::plan::Plan;
use crate::bmc::session::shared::{Respond, Shared};
use crate::bmc::session::{LenientSession, TransportError};
use crate::bmc::survey::Survey;

/// A BMC that keeps what the options set.
#[derive(Default)]
struct Model {
    key: [u8; 20],
    /// Get of the key is refused.
    hides_key: bool,
    sol: BTreeMap<u8, u8>,
    boot: BTreeMap<u8, Vec<u8>>,
    asset_tag: Vec<u8>,
    controller_id: Vec<u8>,
    has_dcmi: bool,
    /// Requests that change something: network function, command, data.
    changes: Vec<Vec<u8>>,
}

impl Respond for Model {
    fn respond(&mut self, net_fn: NetFn, code: u8, data: &[u8]) -> Result<Vec<u8>, TransportError> {
        Ok(self.answer(net_fn as u8, code, data))
    }
}

impl Model {
    fn answer(&mut self, net_fn: u8, code: u8, data: &[u8]) -> Vec<u8> {
        let request = [&[net_fn, code], data].concat();
        let is_change = matches!((net_fn, code), (0x0c, 0x21) | (0, 8) | (0x2c, 8 | 0x0a))
            || request.starts_with(&[6, 0x56, 1, 1]);
        if is_change {
            self.changes.push(request);
        }
        match (net_fn, code, data) {
            (6, 0x56, [1, 0, 1]) if self.hides_key => vec![0xcc],
            (6, 0x56, [1, 0, 1]) => [&[0, 2], self.key.as_slice()].concat(),
            (6, 0x56, [1, 1, 1, key @ ..]) => {
                self.key.copy_from_slice(key);
                vec![0]
            }
            (0x0c, 0x22, [1, number, ..]) => match self.sol.get(number) {
                Some(value) => vec![0, 0x11, *value],
                None => vec![0x80],
            },
            (0x0c, 0x21, [1, number, value]) => drop_and(self.sol.insert(*number, *value)),
            (0, 9, [number, ..]) => match self.boot.get(number) {
                Some(value) => [&[0, 1, *number], value.as_slice()].concat(),
                None => vec![0x80],
            },
            (0, 8, [0 | 3, ..]) => vec![0x80],
            (0, 8, [number, value @ ..]) => drop_and(self.boot.insert(*number, value.to_vec())),
            (0x2c, ..) if !self.has_dcmi => vec![0xc1],
            (0x2c, 6, [0xdc, offset, count]) => {
                let rest = self.asset_tag.iter().skip(usize::from(*offset)).take(usize::from(*count));
                [&[0, 0xdc, self.asset_tag.len() as u8], rest.copied().collect::<Vec<u8>>().as_slice()]
                    .concat()
            }
            (0x2c, 8, [0xdc, offset, _, tag @ ..]) => {
                self.asset_tag.truncate(usize::from(*offset));
                self.asset_tag.extend(tag);
                vec![0, 0xdc, self.asset_tag.len() as u8]
            }
            (0x2c, 9, [0xdc, offset, count]) => {
                let rest = self.controller_id.iter().skip(usize::from(*offset)).take(usize::from(*count));
                let length = self.controller_id.len() as u8;
                [&[0, 0xdc, length], rest.copied().collect::<Vec<u8>>().as_slice()].concat()
            }
            (0x2c, 0x0a, [0xdc, offset, _, id @ ..]) => {
                self.controller_id.truncate(usize::from(*offset));
                self.controller_id.extend(id);
                vec![0, 0xdc, id.len() as u8]
            }
            _ => vec![0xc1],
        }
    }
}

fn drop_and<T>(_: T) -> Vec<u8> {
    vec![0]
}

fn desired(json: serde_json::Value) -> DesiredBmcConfig {
    serde_json::from_value(json).unwrap()
}

/// Reads, plans and applies. Returns the changes, the refusals, the survey after it was read back, and what was sent.
fn run(model: &Shared<Model>, desired: &DesiredBmcConfig) -> (Vec<String>, Vec<String>, Survey) {
    let mut bmc = model.session();
    let mut survey = Survey::default();
    survey.config.lan = Some(LanConfig { channel: 1, ..LanConfig::default() });
    let mut session = LenientSession::new(&mut bmc);
    survey.read_sol(&mut session, 1);
    read(&mut session, &mut survey, desired);
    let mut planned = Plan::default();
    plan(&mut planned, desired, &survey.config);
    let ids: Vec<_> = planned.changes.iter().map(Change::id).collect();
    for change in &planned.changes {
        let Change::Option(change) = change else { panic!("{change}") };
        session.with(|bmc| {
            apply(bmc, 1, change).unwrap();
            Ok(())
        });
    }
    read_back(&mut session, &mut survey, &ids);
    survey.read_sol(&mut session, 1);
    assert_eq!(session.into_problems(), Vec::<String>::new());
    let refusals = planned.refusals.clone();
    (planned.descriptions(), refusals, survey)
}

fn model(model: Model) -> Shared<Model> {
    Shared::new(model)
}

fn sent(model: &Shared<Model>) -> Vec<Vec<u8>> {
    std::mem::take(&mut model.model().changes)
}

#[test]
fn a_key_is_set_where_it_differs_or_cannot_be_read() {
    let k_g = Some(Secret::new("00".repeat(19) + "7f"));
    let desired = DesiredBmcConfig { k_g, ..DesiredBmcConfig::default() };
    let bmc = model(Model::default());
    let (changes, refusals, _) = run(&bmc, &desired);
    assert_eq!((changes, refusals), (vec!["key K_G: set on channel 1".to_string()], vec![]));
    assert_eq!(sent(&bmc)[0][..5], [6, 0x56, 1, 1, 1]);
    assert_eq!(run(&bmc, &desired).0.len(), 0, "the second time it is in place");
    let hidden = model(Model { hides_key: true, ..Model::default() });
    run(&hidden, &desired);
    assert_eq!(run(&hidden, &desired).0.len(), 1, "a key that is not shown is set each time");
    assert!(
        !format!(
            "{:?}",
            Change::Option(OptionChange::Key { channel: 1, key: ipmi::app::ChannelKey([0x7f; 20]) })
        )
        .contains("127")
    );
}

#[test]
fn serial_over_lan_is_as_desired_and_the_rest_of_it_stays() {
    let bmc = model(Model { sol: [(1, 1), (2, 0x02), (5, 6), (6, 6)].into(), ..Model::default() });
    let config = desired(serde_json::json!({ "sol": { "bits_per_second": 115_200, "encryption": true } }));
    let (changes, _, survey) = run(&bmc, &config);
    assert_eq!(changes, ["serial over LAN: 115200 bit/s", "serial over LAN: encrypted, for user and above"]);
    assert_eq!(sent(&bmc), [[0x0c, 0x21, 1, 5, 0x0a], [0x0c, 0x21, 1, 6, 0x0a], [0x0c, 0x21, 1, 2, 0xc2]]);
    let sol = survey.report.sol.unwrap();
    assert_eq!((sol.bits_per_second, sol.encryption), (Some(115_200), Some(true)));
    assert_eq!(run(&bmc, &config).0.len(), 0);
    let raised = desired(serde_json::json!({ "sol": { "privilege": "operator", "encryption": false } }));
    assert_eq!(run(&bmc, &raised).0, ["serial over LAN: encryption not required, for operator and above"]);
    assert_eq!(run(&model(Model::default()), &config).1.len(), 2, "a BMC that does not report it");
}

#[test]
fn a_boot_device_is_set_as_ipmitool_does() {
    let bmc = model(Model { boot: [(5, vec![0; 5])].into(), ..Model::default() });
    let next = desired(serde_json::json!({ "boot": { "device": "pxe" } }));
    let (changes, _, survey) = run(&bmc, &next);
    assert_eq!(changes, ["boot device: pxe for the next boot, UEFI"]);
    // The lock and the bits that keep the flags are optional; ipmitool chassis bootdev pxe options=efiboot.
    let (lock, kept) = (vec![0, 8, 0, 1], vec![0, 8, 3, 0x08]);
    assert_eq!(sent(&bmc), [lock, kept, vec![0, 8, 4, 1, 1], vec![0, 8, 5, 0xa0, 0x04, 0, 0, 0]]);
    assert_eq!(survey.report.boot.unwrap().device, BootWord::Pxe);
    assert_eq!(run(&bmc, &next).0.len(), 0);
    let always =
        desired(serde_json::json!({ "boot": { "device": "disk", "persistent": true, "legacy": true } }));
    assert_eq!(run(&bmc, &always).0, ["boot device: disk for all boots, BIOS"]);
    let none = desired(serde_json::json!({ "boot": { "device": "none" } }));
    assert_eq!(run(&bmc, &none).0.len(), 1);
    assert_eq!(run(&bmc, &none).0.len(), 0);
    assert_eq!(
        run(&model(Model::default()), &next).1,
        ["boot device: the BMC does not report its boot flags"]
    );
}

#[test]
fn names_are_written_in_pieces_and_read_back() {
    let bmc =
        model(Model { has_dcmi: true, asset_tag: b"an old tag of 24 letters".to_vec(), ..Model::default() });
    let config = desired(
        serde_json::json!({ "dcmi": { "asset_tag": "INV-4711", "controller_id": "rack7-host12-bmc-x" } }),
    );
    let (changes, _, survey) = run(&bmc, &config);
    assert_eq!(changes, ["asset tag: INV-4711", "management controller ID: rack7-host12-bmc-x"]);
    let dcmi = survey.report.dcmi.unwrap();
    assert_eq!(
        (dcmi.asset_tag.as_deref(), dcmi.controller_id.as_deref()),
        (Some("INV-4711"), Some("rack7-host12-bmc-x"))
    );
    assert_eq!(run(&bmc, &config).0.len(), 0);
    let (_, refusals, _) = run(&model(Model::default()), &config);
    assert_eq!(
        refusals,
        ["asset tag: the BMC does not have it", "management controller ID: the BMC does not have it"]
    );
}

#[test]
fn what_is_not_desired_is_not_read() {
    let bmc = model(Model { has_dcmi: true, ..Model::default() });
    let (changes, refusals, survey) = run(&bmc, &DesiredBmcConfig::default());
    assert_eq!((changes, refusals), (vec![], vec![]));
    assert!(survey.report.boot.is_none() && survey.report.dcmi.is_none());
}

#[test]
fn every_boot_device_and_bit_rate_has_a_code() {
    for (code, word) in BOOT_DEVICES {
        assert_eq!(boot_device(&word), Some(code));
    }
    assert_eq!(boot_device(&BootWord::Unlisted("usb".to_string())), None);
    assert_eq!((bit_rate(115_200), bit_rate(2400)), (Some(BitRate::B115200), None));
}
