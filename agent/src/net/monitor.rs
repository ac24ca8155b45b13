// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's links and addresses: those that exist, and then their changes. Where the kernel has more changes at once than
//! the socket holds, it drops some; then everything is read anew.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use anyhow::{Context, Result};
use nix::errno::Errno;

use super::socket::Netlink;
use netlink::route::{self, Message};

/// `RTMGRP_LINK`: notifications about links.
const LINK_GROUP: u32 = 1;

/// A socket that follows links, and addresses if they are to be followed.
pub(crate) struct Monitor {
    netlink: Netlink,
    copy: Copy,
}

impl Monitor {
    /// Follows the links.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn of_links() -> Result<Self> {
        Self::open(LINK_GROUP, &[Dump::Links])
    }

    /// Follows links and addresses.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn of_links_and_addresses() -> Result<Self> {
        Self::open(route::GROUPS, &[Dump::Links, Dump::Addresses])
    }

    fn open(groups: u32, dumps: &'static [Dump]) -> Result<Self> {
        let monitor = Self { netlink: Netlink::open(groups)?, copy: Copy::new(dumps) };
        monitor.ask()?;
        Ok(monitor)
    }

    /// Waits until `deadline` for changes; returns an empty list if there are none. [`Message::Done`] is the end of a list of all
    /// links, or of all addresses.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn receive(&mut self, deadline: Instant) -> Result<Vec<Message>> {
        match self.netlink.receive(deadline) {
            Ok(messages) => {
                let mut taken = Vec::new();
                for message in messages {
                    let is_done = matches!(message, Message::Done);
                    taken.extend(self.copy.take(message));
                    if is_done {
                        self.ask()?;
                    }
                }
                Ok(taken)
            }
            Err(Errno::ENOBUFS) => {
                log::debug!("rtnetlink: changes were lost: reading all links and addresses again");
                if self.copy.lost() {
                    self.ask()?;
                }
                Ok(Vec::new())
            }
            Err(errno) => Err(errno).context("receiving from rtnetlink"),
        }
    }

    /// Asks for the next list, if there is one.
    fn ask(&self) -> Result<()> {
        match self.copy.running() {
            Some(Dump::Links) => self.netlink.send(&route::dump_links()),
            Some(Dump::Addresses) => self.netlink.send(&route::dump_addresses()),
            None => Ok(()),
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.netlink.as_fd()
    }
}

/// A list of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dump {
    Links,
    Addresses,
}

/// What the receiver of the messages knows to exist.
struct Copy {
    followed: &'static [Dump],
    /// The dump that is running, and those that follow: the kernel does one at a time for a socket.
    dumps: VecDeque<Dump>,
    /// Changes were lost while a dump was running: what it has given may be older than they.
    is_stale: bool,
    links: BTreeSet<u32>,
    addresses: BTreeSet<(u32, IpAddr)>,
    /// Of the running dump, with what was new meanwhile.
    seen_links: BTreeSet<u32>,
    seen_addresses: BTreeSet<(u32, IpAddr)>,
}

impl Copy {
    fn new(followed: &'static [Dump]) -> Self {
        Self {
            followed,
            dumps: followed.iter().copied().collect(),
            is_stale: false,
            links: BTreeSet::new(),
            addresses: BTreeSet::new(),
            seen_links: BTreeSet::new(),
            seen_addresses: BTreeSet::new(),
        }
    }

    fn running(&self) -> Option<Dump> {
        self.dumps.front().copied()
    }

    /// Changes were lost. Returns whether a dump must be started.
    fn lost(&mut self) -> bool {
        self.is_stale = !self.dumps.is_empty();
        if self.is_stale {
            return false;
        }
        self.dumps.extend(self.followed);
        // What was seen before may be what is gone.
        (self.seen_links, self.seen_addresses) = (BTreeSet::new(), BTreeSet::new());
        true
    }

    /// Takes a message; returns what it means. What a whole dump does not have is gone.
    fn take(&mut self, message: Message) -> Vec<Message> {
        match &message {
            Message::Link(link) => {
                self.links.insert(link.index);
                self.seen_links.insert(link.index);
            }
            Message::Gone(index) => {
                self.links.remove(index);
                self.seen_links.remove(index);
                self.addresses.retain(|(of, _)| of != index);
            }
            Message::Address(address) => {
                self.addresses.insert((address.index, address.ip));
                self.seen_addresses.insert((address.index, address.ip));
            }
            Message::AddressGone(index, ip) => {
                self.addresses.remove(&(*index, *ip));
                self.seen_addresses.remove(&(*index, *ip));
            }
            Message::Done => return self.done(),
            Message::Route(_) | Message::Answer(_) => {}
        }
        vec![message]
    }

    fn done(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        match self.dumps.pop_front() {
            _ if self.is_stale => {}
            Some(Dump::Links) => {
                let gone: Vec<u32> = self.links.difference(&self.seen_links).copied().collect();
                messages.extend(gone.into_iter().flat_map(|index| self.take(Message::Gone(index))));
            }
            Some(Dump::Addresses) => {
                let gone: Vec<_> = self.addresses.difference(&self.seen_addresses).copied().collect();
                messages.extend(
                    gone.into_iter().flat_map(|(index, ip)| self.take(Message::AddressGone(index, ip))),
                );
            }
            None => {}
        }
        if std::mem::take(&mut self.is_stale) {
            self.dumps = self.followed.iter().copied().collect();
        }
        (self.seen_links, self.seen_addresses) = (BTreeSet::new(), BTreeSet::new());
        messages.push(Message::Done);
        messages
    }
}

#[cfg(test)]
mod tests {
    use netlink::route::{Address, Link};

    use super::*;

    const BOTH: &[Dump] = &[Dump::Links, Dump::Addresses];

    fn link(index: u32) -> Message {
        Message::Link(Link {
            index,
            name: format!("eth{index}"),
            ethernet: true,
            mac: None,
            permanent_mac: None,
            up: true,
            carrier: true,
            mtu: 1500,
        })
    }

    fn ip(last: u8) -> IpAddr {
        [10, 9, 0, last].into()
    }

    fn address(index: u32, last: u8) -> Message {
        Message::Address(Address { index, ip: ip(last), prefix: 24, usable: true })
    }

    /// A copy with two links and their addresses.
    fn copy() -> Copy {
        let mut copy = Copy::new(BOTH);
        assert_eq!(copy.running(), Some(Dump::Links));
        for message in [link(2), link(3)] {
            assert_eq!(copy.take(message.clone()), [message]);
        }
        assert_eq!(copy.take(Message::Done), [Message::Done]);
        assert_eq!(copy.running(), Some(Dump::Addresses));
        for message in [address(2, 2), address(3, 3)] {
            assert_eq!(copy.take(message.clone()), [message]);
        }
        assert_eq!((copy.take(Message::Done), copy.running()), (vec![Message::Done], None));
        copy
    }

    #[test]
    fn what_went_away_unheard_is_gone_after_the_next_dump() {
        let mut copy = copy();
        assert!(copy.lost());
        copy.take(link(3));
        // New while the dump was running.
        copy.take(link(4));
        assert_eq!(copy.take(Message::Done), [Message::Gone(2), Message::Done]);
        copy.take(address(4, 4));
        assert_eq!(copy.take(Message::Done), [Message::AddressGone(3, ip(3)), Message::Done]);
        assert_eq!(copy.running(), None);
    }

    #[test]
    fn a_dump_during_which_more_was_lost_removes_nothing_and_is_repeated() {
        let mut copy = copy();
        assert!(copy.lost());
        assert!(!copy.lost(), "the kernel refuses a second dump");
        assert_eq!(copy.take(Message::Done), [Message::Done]);
        assert_eq!(copy.running(), Some(Dump::Links));
        copy.take(link(2));
        assert_eq!(copy.take(Message::Done), [Message::Gone(3), Message::Done]);
    }

    #[test]
    fn what_is_removed_during_a_dump_is_not_reported_twice() {
        let mut copy = copy();
        copy.lost();
        copy.take(link(2));
        copy.take(link(3));
        assert_eq!(copy.take(Message::Gone(3)), [Message::Gone(3)]);
        assert_eq!(copy.take(Message::Done), [Message::Done]);
    }
}
