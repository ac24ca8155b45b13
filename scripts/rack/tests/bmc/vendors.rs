// SPDX-License-Identifier: MIT OR Apache-2.0
//! BMCs of vendors.

use stage1_rack::spec::VENDORS;

use crate::Stand;
use crate::access::Expected::{Desired, True};
use crate::access::{ONLY_STAGE1, check, judge};

/// The factory's user of each, and its password.
fn factory(vendor: &str) -> (&'static str, &'static str) {
    match vendor {
        "idrac" => ("root", "calvin"),
        "ilom" => ("root", "changeme"),
        "openbmc" => ("root", "0penBmc"),
        "supermicro" => ("ADMIN", "RXYFTZXRQY"),
        "supermicro-old" => ("ADMIN", "ADMIN"),
        "xcc" => ("USERID", "PASSW0RD"),
        _ => ("Administrator", "FACTORY1"),
    }
}

#[test]
fn each_gets_its_administrator_and_no_others() {
    check(&VENDORS, |(vendor, _)| {
        let stand = Stand::with(&format!("vendor = '{vendor}'"));
        // Without a test of passwords nothing is proven.
        let expected = if *vendor == "supermicro-old" { True } else { Desired };
        judge(vendor, &stand, ONLY_STAGE1, &[factory(vendor)], expected)
    });
}

/// It gets another password, and is the only one.
#[test]
fn the_user_of_the_factory_can_be_the_desired_one() {
    check(&VENDORS, |(vendor, _)| {
        let stand = Stand::with(&format!("vendor = '{vendor}'"));
        let expected = if *vendor == "supermicro-old" { True } else { Desired };
        let (name, password) = factory(vendor);
        let policy = format!(
            "unknown_users = 'disable'\nipmi_over_lan = true\n[[users]]\nname = '{name}'\ngenerate = true\n"
        );
        judge(vendor, &stand, &policy, &[(name, password)], expected)
    });
}
