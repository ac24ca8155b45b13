// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an operator can do about a failure or a problem: one table, from the reason to the advice.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use stage1_contract::StageName;
use stage1_kexec::LoadError;

use super::NotAssigned;
use crate::host::panic::Defect;
use crate::host::task::NoResult;
use crate::inventory::{Error, Reason as Request};
use crate::net::dns;

/// Why a stage failed or has a problem, as far as the advice depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Image,
    Network,
    Settings,
    NameUnknown,
    NoNameServer,
    Unreachable,
    Untrusted,
    Clock,
    PlainHttp,
    Redirected,
    Unauthorized,
    NotFound,
    WrongPath,
    ServerError,
    NotTheContract,
    Modules,
    Facts,
    Identity,
    Lldp,
    Bmc,
    Manifests,
    Flash,
    Registration,
    Profile,
    NotAssigned,
    Detail,
    Download,
    Load,
    Signature,
    Amendment,
    Installed,
    Power,
    Reset,
    Internal,
}

/// The reason of a stage that failed with `error`.
pub(crate) fn of_failure(stage: &StageName, error: &anyhow::Error) -> Reason {
    let request = error.chain().find_map(|cause| cause.downcast_ref::<Error>()).map(Error::reason);
    let load = error.chain().find_map(|cause| cause.downcast_ref::<LoadError>());
    if error.chain().any(<dyn std::error::Error>::is::<NotAssigned>) {
        return Reason::NotAssigned;
    }
    if error.chain().any(is_defect) {
        return Reason::Internal;
    }
    match (request, load) {
        // Before the registration there is no host that could be unknown.
        (Some(Request::Status { status: 404, .. }), _) if *stage == StageName::Register => Reason::WrongPath,
        (Some(request), _) => of_request(request).unwrap_or_else(|| of_stage(stage)),
        (None, Some(LoadError::Signature(_) | LoadError::NotPermitted)) => Reason::Signature,
        _ => of_stage(stage),
    }
}

fn is_defect(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<Defect>() || matches!(cause.downcast_ref(), Some(NoResult::Panicked(_) | NoResult::Taken))
}

/// The reason of a problem in a stage.
pub(crate) fn of_stage(stage: &StageName) -> Reason {
    match stage {
        StageName::Image => Reason::Image,
        StageName::Network => Reason::Network,
        StageName::Settings => Reason::Settings,
        StageName::Manifests | StageName::Firmware => Reason::Manifests,
        StageName::Lldp => Reason::Lldp,
        StageName::Modules => Reason::Modules,
        StageName::Facts => Reason::Facts,
        StageName::Bmc | StageName::BmcConfig => Reason::Bmc,
        StageName::Identity => Reason::Identity,
        StageName::Register => Reason::Registration,
        StageName::Neighbours | StageName::BmcReport => Reason::Amendment,
        StageName::Flash => Reason::Flash,
        StageName::Profile | StageName::Plan => Reason::Profile,
        StageName::Detail => Reason::Detail,
        StageName::Download => Reason::Download,
        StageName::Load | StageName::Jump => Reason::Load,
        StageName::Installed => Reason::Installed,
        StageName::PowerOff | StageName::Reboot => Reason::Power,
        StageName::Reset => Reason::Reset,
        StageName::Unknown(_) => Reason::Internal,
    }
}

impl Reason {
    /// The advice to the operator.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Image => {
                "build the image again, and give the host more memory or a smaller image if it was cut short"
            }
            Self::Network => {
                "check cable and switch port, that a DHCP server answers in this VLAN, and that the image has the port's driver"
            }
            Self::Settings => {
                "correct the setting on the kernel command line or in /etc/stage1/config.toml; 'stage1 --help' lists all"
            }
            Self::NameUnknown => {
                "check the name server that DHCP announces, and that it knows the inventory's name"
            }
            Self::NoNameServer => {
                "announce a name server by DHCP, DHCPv6 or router advertisements (RDNSS), or set nameserver=ADDRESS"
            }
            Self::Unreachable => {
                "check that the inventory runs, its address and port, and the route and firewall to it"
            }
            Self::Untrusted => {
                "put the CA of the inventory's certificate into /etc/stage1/ca.pem (setting ca), and check both certificates"
            }
            Self::Clock => {
                "compare both times: set the host's clock, or name NTP servers in the setting ntp, or renew the certificate"
            }
            Self::PlainHttp => {
                "give the inventory an https URL; for a test network set stage1.allow-http=true"
            }
            Self::Redirected => {
                "set inventory to the URL that the server redirects to, or take the redirect away"
            }
            Self::Unauthorized => {
                "check the token (setting token-file) and the client certificate of this image"
            }
            Self::WrongPath => "check the path in the inventory's URL",
            Self::NotFound => "register the host first, and check the path in the inventory's URL",
            Self::ServerError => "look into the inventory's log; the agent retried until inventory-timeout",
            Self::NotTheContract => "check that the URL is that of an inventory for stage1, and its version",
            Self::Modules => "add the module or its firmware to the image's list (initramfs/lists)",
            Self::Facts => "run 'stage1 facts' as root on this host, and check the device that is named",
            Self::Identity => {
                "run as root, and have the vendor's tool write a system UUID and serial number into the SMBIOS tables"
            }
            Self::Lldp => "enable LLDP on the switch port, or set stage1.lldp=off if nobody needs neighbours",
            Self::Bmc => {
                "look at 'stage1 bmc show', reset the BMC with 'stage1 bmc reset', or set stage1.bmc=off"
            }
            Self::Manifests => {
                "run 'stage1 firmware check', and check manifests and their signature with 'stage1 firmware lint'"
            }
            Self::Flash => {
                "look at 'stage1-inventory host show'; 'host retry-firmware' allows further attempts"
            }
            Self::Registration => {
                "look at what the inventory answered, and at the host there ('stage1-inventory host show')"
            }
            Self::Profile => "correct the profile in the inventory, or assign another one",
            Self::NotAssigned => {
                "assign a profile to the host ('stage1-inventory host assign'), or let it wait longer (setting wait-timeout)"
            }
            Self::Detail => "correct the host's detail in the inventory",
            Self::Download => "check the image server, and size and SHA-256 in the profile",
            Self::Load => "check that kernel and initrds of the profile are whole and for this architecture",
            Self::Signature => {
                "sign the target kernel with a key that this machine trusts, or turn Secure Boot off"
            }
            Self::Amendment => {
                "nothing is lost on the host: run 'stage1 register' again to complete the report"
            }
            Self::Installed => {
                "check the inventory; the host does not jump before the inventory has confirmed the call"
            }
            Self::Power => "run as root with CAP_SYS_BOOT; else use the BMC",
            Self::Reset => "reset the host by its BMC, so that the new firmware runs",
            Self::Internal => "report it with the output of 'stage1 status --json'",
        }
    }
}

fn of_request(reason: &Request) -> Option<Reason> {
    Some(match reason {
        Request::NoUrl | Request::BadUrl(_) => Reason::Settings,
        Request::PlainHttp | Request::NotForSecrets => Reason::PlainHttp,
        Request::NoSuchName(error) if error.reason == dns::Reason::NoServer => Reason::NoNameServer,
        Request::NoSuchName(_) => Reason::NameUnknown,
        Request::Redirected { .. } => Reason::Redirected,
        Request::Connection(_) | Request::Timeout { .. } => Reason::Unreachable,
        Request::Tls(_) => Reason::Untrusted,
        Request::CertificateTime(_) => Reason::Clock,
        Request::Status { status: 401 | 403, .. } => Reason::Unauthorized,
        Request::Status { status: 404, .. } => Reason::NotFound,
        Request::Status { status: 500.., .. } => Reason::ServerError,
        Request::TooLong(_)
        | Request::Truncated
        | Request::Protocol(_)
        | Request::NotJson(_)
        | Request::Version(_) => Reason::NotTheContract,
        Request::Status { .. } | Request::Cancelled => return None,
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use nix::errno::Errno;

    use super::*;

    /// That every reason has advice is the compiler's to check; here, that it is some.
    #[test]
    fn every_stage_has_advice_of_its_own_kind() {
        for name in [
            "image",
            "network",
            "settings",
            "manifests",
            "lldp",
            "modules",
            "facts",
            "bmc",
            "identity",
            "firmware",
            "register",
            "bmc config",
            "neighbours",
            "bmc report",
            "flash",
            "profile",
            "detail",
            "plan",
            "download",
            "load",
            "installed",
            "jump",
            "power off",
            "reboot",
            "reset",
        ] {
            let stage: StageName = serde_json::from_value(name.into()).unwrap();
            assert_ne!(stage, StageName::Unknown(name.to_string()), "{name}");
            let reason = of_stage(&stage);
            assert_ne!(reason, Reason::Internal, "{name}");
            assert!(reason.advice().len() > 20, "{name}");
        }
    }

    #[test]
    fn a_typed_error_decides_before_its_stage() {
        let error =
            Err::<(), _>(LoadError::Signature(Errno::ENODATA)).context("loading the target").unwrap_err();
        assert_eq!(of_failure(&StageName::Load, &error), Reason::Signature);
        let error = anyhow::anyhow!("no such thing");
        assert_eq!(of_failure(&StageName::Load, &error), Reason::Load);
        let error =
            Err::<(), _>(Defect("no such field".to_string())).context("loading the target").unwrap_err();
        assert_eq!(of_failure(&StageName::Load, &error), Reason::Internal);
        let error = anyhow::Error::new(NotAssigned { what: "profile", waited_s: 60 });
        assert_eq!(of_failure(&StageName::Profile, &error), Reason::NotAssigned);
        let name = "inventory.test".to_string();
        let unknown = Request::NoSuchName(Box::new(dns::Error { name, reason: dns::Reason::NoServer }));
        assert_eq!(of_request(&unknown), Some(Reason::NoNameServer));
    }
}
