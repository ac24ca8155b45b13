// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set and Get System Boot Options (IPMI 2.0, sections 28.12 and 28.13).

use std::marker::PhantomData;

use crate::parameter::{NOT_SUPPORTED, own_completion};
use crate::{Command, Malformed, NetFn, Parameter, Reader, SetInProgress, Writable};

/// A boot option parameter (IPMI 2.0, table 28-14).
pub trait BootParameter: Parameter {}

impl BootParameter for SetInProgress {}

/// Reads a boot option.
#[derive(Clone, Copy, Debug)]
pub struct GetBootOption<P>(PhantomData<P>);

impl<P> GetBootOption<P> {
    /// The type parameter selects the option.
    pub const NEW: Self = Self(PhantomData);
}

/// Sets a boot option, and marks it valid.
#[derive(Clone, Copy, Debug)]
pub struct SetBootOption<P> {
    /// Value of the option.
    pub value: P,
}

/// A boot option as the BMC stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootOption<P> {
    /// It has no effect: it was never set, or it is locked.
    pub is_invalid: bool,
    /// Value of the option.
    pub value: P,
}

impl<P: BootParameter> Command for GetBootOption<P> {
    const NAME: &'static str = P::NAME;
    const NET_FN: NetFn = NetFn::Chassis;
    const CODE: u8 = 0x09;
    const ABSENT: Option<u8> = Some(NOT_SUPPORTED);
    type Answer = BootOption<P>;

    fn data(&self) -> Vec<u8> {
        // No parameter here has sets or blocks.
        vec![P::NUMBER, 0, 0]
    }

    fn answer(&self, data: &[u8]) -> Result<BootOption<P>, Malformed> {
        let mut reader = Reader::new(data);
        reader.byte("parameter version")?;
        let is_invalid = reader.byte("parameter valid")? & 0x80 != 0;
        Ok(BootOption { is_invalid, value: P::decode(&mut reader)? })
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        own_completion(code)
    }
}

impl<P: BootParameter + Writable> Command for SetBootOption<P> {
    const NAME: &'static str = P::NAME;
    const NET_FN: NetFn = NetFn::Chassis;
    const CODE: u8 = 0x08;
    const CHANGES: bool = true;
    const ABSENT: Option<u8> = Some(NOT_SUPPORTED);
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        let mut data = vec![P::NUMBER];
        data.extend(self.value.encode());
        data
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        own_completion(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_read_and_written() {
        let get = GetBootOption::<SetInProgress>::NEW;
        assert_eq!(get.data(), [0, 0, 0]);
        let option = get.answer(&[0x01, 0x80, 0x01]).unwrap();
        assert_eq!(option, BootOption { is_invalid: true, value: SetInProgress::InProgress });
        assert_eq!(SetBootOption { value: SetInProgress::Complete }.data(), [0, 0]);
        assert!(get.answer(&[0x01, 0x00]).is_err());
    }
}
