// SPDX-License-Identifier: MIT OR Apache-2.0
//! The proxy between a host and its BMC: it records all requests and responses, and injects faults.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::socket;

use super::codec::{Decoder, Frame, Message};
use super::exchange::Exchange;
use super::fault::{Fault, Rule};
use super::quirks::{Handling, Quirks};
use super::users;
use crate::transcript::Transcript;

/// A proxy in front of a BMC. Dropping it closes the connection.
pub struct Proxy {
    listener: Arc<UnixListener>,
    shared: Arc<Shared>,
}

struct Shared {
    connect: Box<dyn Fn() -> Result<TcpStream> + Send + Sync>,
    log: Transcript,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    quirks: Quirks,
    /// The rules, each with the number of requests that it matched.
    rules: Vec<(Rule, u32)>,
    exchanges: Vec<Exchange>,
    /// Requests without a response yet, by sequence number.
    pending: HashMap<u8, Pending>,
    /// A response held back until the next request.
    late: Option<Message>,
    is_hung: bool,
    host: Option<UnixStream>,
}

struct Pending {
    request: Message,
    /// Its index in the exchanges; `None` once they were cleared.
    index: Option<usize>,
    fault: Option<Fault>,
    origin: Origin,
}

/// Where a response comes from.
#[derive(PartialEq, Eq)]
enum Origin {
    /// From ipmi_sim.
    Sim,
    /// From the quirks.
    Quirks,
    /// From ipmi_sim to a request of the quirks, which the host must not see.
    Own,
}

/// The handling of a request.
enum Step {
    Forward(Vec<Message>),
    Deliver(Delivery),
    Nothing,
    Disconnect,
}

/// Bytes for the host, and their delay.
struct Delivery {
    bytes: Vec<u8>,
    delay: Duration,
}

impl Proxy {
    /// Starts a proxy that listens at the socket `path`, logs to the file `log`, and connects to the BMC by `connect`. It serves
    /// one host at a time.
    ///
    /// # Errors
    /// The socket or the log cannot be created.
    pub(crate) fn start(
        path: &Path,
        log: &Path,
        quirks: Quirks,
        connect: impl Fn() -> Result<TcpStream> + Send + Sync + 'static,
    ) -> Result<Proxy> {
        let listener =
            UnixListener::bind(path).with_context(|| format!("listening on {}", path.display()))?;
        let listener = Arc::new(listener);
        let log = Transcript::create(log)?;
        log.begin("BMC");
        let state = Mutex::new(State { quirks, ..State::default() });
        let shared = Arc::new(Shared { connect: Box::new(connect), log, state });
        let proxy = Proxy { listener: Arc::clone(&listener), shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for host in listener.incoming().map_while(Result::ok) {
                if let Err(error) = shared.serve(&host) {
                    shared.note(&format!("{error:#}"));
                }
            }
        });
        Ok(proxy)
    }

    /// Sets exactly these faults. The first rule that matches a request applies. A BMC that hangs responds again.
    pub fn set_faults(&self, rules: Vec<Rule>) {
        let mut state = self.shared.state();
        state.rules = rules.into_iter().map(|rule| (rule, 0)).collect();
        state.is_hung = false;
    }

    /// All requests since the start or [`Proxy::reset_counts`], in order.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.state().exchanges.clone()
    }

    /// The number of these requests for each command, as (network function, command).
    pub fn counts(&self) -> BTreeMap<(u8, u8), usize> {
        let mut counts = BTreeMap::new();
        for exchange in &self.shared.state().exchanges {
            *counts.entry(exchange.command()).or_default() += 1;
        }
        counts
    }

    /// Those of these requests that change the BMC's state.
    pub fn writes(&self) -> Vec<Exchange> {
        self.shared.state().exchanges.iter().filter(|exchange| exchange.is_write()).cloned().collect()
    }

    /// Clears the recorded requests.
    pub fn reset_counts(&self) {
        let mut state = self.shared.state();
        state.exchanges.clear();
        state.pending.values_mut().for_each(|pending| pending.index = None);
    }

    /// The log, with a line for each response.
    pub fn log(&self) -> &Transcript {
        &self.shared.log
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Nothing else ends the accept loop.
        let _ = socket::shutdown(self.listener.as_raw_fd(), socket::Shutdown::Both);
        if let Some(host) = &self.shared.state().host {
            let _ = host.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    /// Passes requests and responses until one side disconnects.
    fn serve(&self, host: &UnixStream) -> Result<()> {
        let bmc = (self.connect)()?;
        bmc.set_nodelay(true).context("setting up the connection to the BMC")?;
        let copy = || host.try_clone().context("duplicating the connection to the host");
        let out = Arc::new(Mutex::new(copy()?));
        let mut state = self.state();
        (state.host, state.late) = (Some(copy()?), None);
        state.pending.clear();
        drop(state);
        thread::scope(|scope| {
            scope.spawn(|| {
                self.pass_responses(&bmc, &out);
                let _ = host.shutdown(Shutdown::Both);
            });
            self.pass_requests(host, &bmc, &out);
            // ipmi_sim accepts another host only after this one has shut down its side, and then closes the connection.
            let _ = bmc.shutdown(Shutdown::Write);
        });
        Ok(())
    }

    fn pass_requests(&self, host: &UnixStream, mut bmc: &TcpStream, out: &Arc<Mutex<UnixStream>>) {
        let (mut decoder, mut buffer) = (Decoder::default(), [0; 512]);
        while let Some(received) = read(host, &mut buffer) {
            for frame in decoder.feed(received) {
                let Frame::Message(request) = frame else {
                    let _ = bmc.write_all(&frame.encode());
                    continue;
                };
                let (late, step) = self.state().ask(request, &self.log);
                if let Some(late) = late {
                    send(out, &late.encode());
                }
                match step {
                    Step::Forward(requests) => {
                        requests.iter().for_each(|request| drop(bmc.write_all(&request.encode())));
                    }
                    Step::Deliver(delivery) => delivery.to(out),
                    Step::Nothing => {}
                    Step::Disconnect => return drop(host.shutdown(Shutdown::Both)),
                }
            }
        }
    }

    fn pass_responses(&self, bmc: &TcpStream, out: &Arc<Mutex<UnixStream>>) {
        let (mut decoder, mut buffer) = (Decoder::default(), [0; 512]);
        while let Some(received) = read(bmc, &mut buffer) {
            for frame in decoder.feed(received) {
                let Frame::Message(response) = frame else {
                    send(out, &frame.encode());
                    continue;
                };
                let delivery = self.state().respond(response, &self.log);
                delivery.to(out);
            }
        }
    }

    fn note(&self, text: &str) {
        self.log.push(format!("{text}\n").as_bytes());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The handling of a request, and the response held back until now.
    fn ask(&mut self, mut request: Message, log: &Transcript) -> (Option<Message>, Step) {
        let late = self.late.take();
        let index = self.exchanges.len();
        self.exchanges.push(Exchange::begin(&request));
        let fault = if self.is_hung { Some(Fault::Hang) } else { self.fault(&request) };
        if let Some(Fault::Shorten(length)) = fault
            && users::password(&request).is_some()
        {
            request.data.iter_mut().skip(2 + length).for_each(|byte| *byte = 0);
        }
        let step = match fault {
            Some(fault @ (Fault::Answer(_) | Fault::Drop | Fault::Hang | Fault::Disconnect)) => {
                self.stop(&request, index, &fault, log)
            }
            fault => self.let_through(request, index, fault, log),
        };
        (late, step)
    }

    /// Handles a request without the BMC.
    fn stop(&mut self, request: &Message, index: usize, fault: &Fault, log: &Transcript) -> Step {
        self.is_hung |= *fault == Fault::Hang;
        let (response, step) = match fault {
            Fault::Answer(data) => {
                let delivery = Delivery::now(request.response(data.clone()).encode());
                (Some(data.clone()), Step::Deliver(delivery))
            }
            Fault::Disconnect => (None, Step::Disconnect),
            _ => (None, Step::Nothing),
        };
        self.record(Some(index), response, Some(fault), log);
        step
    }

    /// Handles a request by the quirks, or else by ipmi_sim.
    fn let_through(
        &mut self,
        request: Message,
        index: usize,
        fault: Option<Fault>,
        log: &Transcript,
    ) -> Step {
        let handling = self.quirks.handle(&request, Instant::now());
        let sequence = request.sequence;
        let wait = |state: &mut State, origin| {
            let pending =
                Pending { request: request.clone(), index: Some(index), fault: fault.clone(), origin };
            state.pending.insert(sequence, pending);
        };
        match handling {
            Handling::Respond(data) => {
                wait(self, Origin::Quirks);
                Step::Deliver(self.respond(request.response(data), log))
            }
            Handling::Forward { before, request, after } => {
                wait(self, Origin::Sim);
                let before = before.into_iter().map(Some);
                let all = before.chain([None]).chain(after.into_iter().map(Some)).zip(0x80_u8..);
                let own = |(own, offset): (Option<Message>, u8)| match own {
                    None => request.clone(),
                    Some(own) => self.own(own, sequence.wrapping_add(offset)),
                };
                Step::Forward(all.map(own).collect())
            }
            Handling::Silence => {
                self.record(Some(index), None, fault.as_ref(), log);
                Step::Nothing
            }
        }
    }

    /// A request of the quirks, with a sequence number that the host does not use at the moment.
    fn own(&mut self, mut request: Message, sequence: u8) -> Message {
        request.sequence = sequence;
        let pending = Pending { request: request.clone(), index: None, fault: None, origin: Origin::Own };
        self.pending.insert(sequence, pending);
        request
    }

    fn fault(&mut self, request: &Message) -> Option<Fault> {
        for (rule, count) in self.rules.iter_mut().filter(|(rule, _)| rule.matches(request)) {
            *count += 1;
            let since = count.saturating_sub(rule.after);
            if since > 0 && rule.times.is_none_or(|times| since <= times) {
                return Some(rule.fault.clone());
            }
        }
        None
    }

    /// The delivery to the host for the BMC's response.
    fn respond(&mut self, mut response: Message, log: &Transcript) -> Delivery {
        let Some(Pending { request, index, fault, origin }) = self.pending.remove(&response.sequence) else {
            return Delivery::now(response.encode());
        };
        match origin {
            Origin::Own => return Delivery::now(Vec::new()),
            Origin::Sim => self.quirks.correct(&request, &mut response.data, Instant::now()),
            Origin::Quirks => {}
        }
        corrupt(&mut response, fault.as_ref());
        let delivered = (fault != Some(Fault::Lose)).then(|| response.data.clone());
        self.record(index, delivered, fault.as_ref(), log);
        match fault {
            Some(Fault::Lose) => Delivery::now(Vec::new()),
            Some(Fault::Late) => {
                self.late = Some(response);
                Delivery::now(Vec::new())
            }
            Some(Fault::Twice) => Delivery::now(response.encode().repeat(2)),
            Some(Fault::Checksum) => Delivery::now(response.encode_corrupted()),
            Some(Fault::Delay(delay)) => Delivery { bytes: response.encode(), delay },
            _ => Delivery { bytes: response.encode(), delay: self.quirks.latency() },
        }
    }

    fn record(
        &mut self,
        index: Option<usize>,
        response: Option<Vec<u8>>,
        fault: Option<&Fault>,
        log: &Transcript,
    ) {
        let Some(exchange) = index.and_then(|index| self.exchanges.get_mut(index)) else { return };
        exchange.response = response;
        let fault = fault.map(|fault| format!(" ({fault})")).unwrap_or_default();
        log.push(format!("{exchange}{fault}\n").as_bytes());
    }
}

impl Delivery {
    fn now(bytes: Vec<u8>) -> Delivery {
        Delivery { bytes, delay: Duration::ZERO }
    }

    fn to(self, out: &Arc<Mutex<UnixStream>>) {
        let Delivery { bytes, delay } = self;
        if delay.is_zero() {
            return send(out, &bytes);
        }
        let out = Arc::clone(out);
        thread::spawn(move || {
            thread::sleep(delay);
            send(&out, &bytes);
        });
    }
}

/// Changes the response according to the fault.
fn corrupt(response: &mut Message, fault: Option<&Fault>) {
    match fault {
        Some(Fault::Data(data)) => {
            response.data.truncate(1);
            response.data.extend(data);
        }
        Some(Fault::Cut(length)) => response.data.truncate(1 + length),
        Some(Fault::Blank(code)) if response.data.iter().all(|byte| *byte == 0) => {
            response.data = vec![*code];
        }
        Some(Fault::Sequence) => response.sequence ^= 0x3f,
        _ => {}
    }
}

/// The received bytes; `None` at the end.
fn read(mut stream: impl Read, buffer: &mut [u8]) -> Option<&[u8]> {
    let length = stream.read(buffer).ok().filter(|length| *length > 0)?;
    buffer.get(..length)
}

/// Lost where the host has disconnected.
fn send(out: &Mutex<UnixStream>, bytes: &[u8]) {
    let _ = out.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes);
}
