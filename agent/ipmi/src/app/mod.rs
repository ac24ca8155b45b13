// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network function App (IPMI 2.0, sections 20 to 22, 24 and 27).

mod authentication;
mod channel_access;
mod channel_info;
mod channel_security_keys;
mod cipher_suites;
mod device_id;
mod global_enables;
mod guid;
mod payload_access;
mod reset;
mod self_test;
mod user_access;
mod user_name;
mod user_password;
mod watchdog;

pub use authentication::{AuthenticationCapabilities, GetChannelAuthenticationCapabilities};
pub use channel_access::{AccessMode, ChannelAccess, GetChannelAccess, SetChannelAccess, Store};
pub use channel_info::{ChannelInfo, GetChannelInfo, Medium, Sessions};
pub use channel_security_keys::{ChannelKey, GetChannelKey, SetChannelKey};
pub use cipher_suites::{CipherSuite, GetChannelCipherSuites};
pub use device_id::{DeviceId, GetDeviceId};
pub use global_enables::{GetBmcGlobalEnables, GlobalEnables};
pub use guid::{GetDeviceGuid, GetSystemGuid, Guid};
pub use payload_access::{GetUserPayloadAccess, Payloads, SetUserPayloadAccess};
pub use reset::{ColdReset, WarmReset};
pub use self_test::{GetSelfTestResults, SelfTest};
pub use user_access::{Access, GetUserAccess, Privilege, SetUserAccess, UserAccess};
pub use user_name::{GetUserName, SetUserName, UserName};
pub use user_password::{EnableUser, Password, PasswordSize, SetUserPassword, TestUserPassword};
pub use watchdog::{
    GetWatchdogTimer, PreTimeout, ResetWatchdogTimer, SetWatchdogTimer, Watchdog, WatchdogAction,
    WatchdogState, WatchdogUser,
};
