// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

#[test]
fn a_wait_for_the_network_can_be_cancelled() {
    let (sender, result) = channel();
    let error = wait_for(&result, &|| true).unwrap_err();
    assert_eq!(error.to_string(), "cancelled");
    sender.send(Ok("eth0 10.0.0.2/24".to_string())).unwrap();
    assert_eq!(wait_for(&result, &|| true).unwrap(), "eth0 10.0.0.2/24");
    drop(sender);
    assert!(wait_for(&result, &|| false).is_err());
}
