// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers that have names.

/// An enum of the numbers that a field may hold; those without a name are kept. Has `From<u8>` and goes back `into` it.
macro_rules! codes {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])* $code:ident = $number:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $code,)+
            /// Another number.
            Other(u8),
        }

        impl From<u8> for $name {
            fn from(number: u8) -> Self {
                match number {
                    $($number => Self::$code,)+
                    number => Self::Other(number),
                }
            }
        }

        impl From<$name> for u8 {
            fn from(code: $name) -> Self {
                match code {
                    $($name::$code => $number,)+
                    $name::Other(number) => number,
                }
            }
        }
    };
}

pub(crate) use codes;

#[cfg(test)]
mod tests {
    codes! {
        /// For the test.
        pub enum Fruit {
            /// Red.
            Apple = 1,
            /// Yellow.
            Lemon = 0x0f,
        }
    }

    #[test]
    fn numbers_go_there_and_back() {
        assert_eq!(
            (Fruit::from(1), Fruit::from(15), Fruit::from(2)),
            (Fruit::Apple, Fruit::Lemon, Fruit::Other(2))
        );
        assert!((0..=u8::MAX).all(|number| u8::from(Fruit::from(number)) == number));
    }
}
