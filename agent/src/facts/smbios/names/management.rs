// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of the interfaces to a management controller, of on-board devices and of TPMs (DSP0134 7.11, 7.39, 7.42 to 7.44;
//! DSP0239, DSP0270). Pure.

use stage1_contract::facts::OnboardDeviceType;

use super::lookup::{Bits, Names, Values};

/// 7.39.1.
pub(crate) const IPMI_INTERFACE: Names = Names(&[(
    0,
    &[
        "Unknown",
        "KCS (Keyboard Control Style)",
        "SMIC (Server Management Interface Chip)",
        "BT (Block Transfer)",
        "SSIF (SMBus System Interface)",
    ],
)]);

/// 7.39, offset 10h bits 6 and 7.
pub(crate) const IPMI_SPACING: Names =
    Names(&[(0, &["Successive Byte Boundaries", "32-bit Boundaries", "16-byte Boundaries"])]);

/// DSP0239; those between have no names of their own.
pub(crate) const HOST_INTERFACE: Names = Names(&[
    (
        0x02,
        &[
            "KCS: Keyboard Controller Style",
            "8250 UART Register Compatible",
            "16450 UART Register Compatible",
            "16550/16550A UART Register Compatible",
            "16650/16650A UART Register Compatible",
            "16750/16750A UART Register Compatible",
            "16850/16850A UART Register Compatible",
        ],
    ),
    (0x40, &["Network"]),
    (0xf0, &["OEM"]),
]);

/// DSP0134 7.43.2.
pub(crate) const HOST_INTERFACE_PROTOCOL: Names =
    Names(&[(0, &["Reserved", "Reserved", "IPMI", "MCTP", "Redfish over IP"]), (0xf0, &["OEM"])]);

/// DSP0270 8.3.
pub(crate) const HOST_INTERFACE_DEVICE: Names = Names(&[(2, &["USB", "PCI/PCIe", "USB v2", "PCI/PCIe v2"])]);

/// DSP0270 8.4.2.
pub(crate) const ADDRESS_ASSIGNMENT: Names =
    Names(&[(0, &["Unknown", "Static", "DHCP", "AutoConf", "Host Selected"])]);

/// DSP0270 8.4.3.
pub(crate) const ADDRESS_FORMAT: Names = Names(&[(0, &["Unknown", "IPv4", "IPv6"])]);

/// 7.11.1 and 7.42.2.
pub(crate) const ONBOARD: Values<OnboardDeviceType> = Values(
    1,
    &[
        OnboardDeviceType::Other,
        OnboardDeviceType::Unknown,
        OnboardDeviceType::Video,
        OnboardDeviceType::ScsiController,
        OnboardDeviceType::Ethernet,
        OnboardDeviceType::TokenRing,
        OnboardDeviceType::Sound,
        OnboardDeviceType::PataController,
        OnboardDeviceType::SataController,
        OnboardDeviceType::SasController,
        OnboardDeviceType::WirelessLan,
        OnboardDeviceType::Bluetooth,
        OnboardDeviceType::Wwan,
        OnboardDeviceType::Emmc,
        OnboardDeviceType::NvmeController,
        OnboardDeviceType::UfsController,
    ],
);

/// 7.44.1.
pub(crate) const TPM: Bits = Bits(
    3,
    &[
        "Family configurable via firmware update",
        "Family configurable via platform software support",
        "Family configurable via OEM proprietary mechanism",
    ],
);
