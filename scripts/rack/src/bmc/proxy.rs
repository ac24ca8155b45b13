// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands between a host and its BMC: it counts, keeps what was said, and makes the BMC do wrong.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::socket;

use super::codec::{Decoder, Frame, Message};
use super::exchange::Exchange;
use super::fault::{Fault, Rule};
use super::quirks::{self, Quirks};
use crate::transcript::Transcript;

/// A proxy in front of a BMC. Dropping it breaks the connection.
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
    /// Each with the number of requests that it was about.
    rules: Vec<(Rule, u32)>,
    exchanges: Vec<Exchange>,
    /// What the BMC has not yet answered, by sequence number.
    pending: HashMap<u8, Pending>,
    /// An answer that waits for the next request.
    late: Option<Message>,
    is_hung: bool,
    host: Option<UnixStream>,
}

struct Pending {
    request: Message,
    /// Its place among the exchanges, as long as those are kept.
    place: Option<usize>,
    fault: Option<Fault>,
}

/// What becomes of a request.
enum Step {
    Forward(Message),
    Deliver(Delivery),
    Nothing,
    Disconnect,
}

/// What the host gets, and after which time.
struct Delivery {
    bytes: Vec<u8>,
    delay: Duration,
}

impl Proxy {
    /// A proxy that listens at the socket `path`, reports `log` all that is said, and comes by a connection to the BMC by
    /// `connect`. It serves one host at a time.
    pub fn start(
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

    /// From here on, the BMC has these faults and no others. The first rule that is about a request counts. What hung
    /// does no more.
    pub fn set_faults(&self, rules: Vec<Rule>) {
        let mut state = self.shared.state();
        state.rules = rules.into_iter().map(|rule| (rule, 0)).collect();
        state.is_hung = false;
    }

    /// All that was asked since it was started or its counts were reset, in order.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.state().exchanges.clone()
    }

    /// Of that, how often each command, as (network function, command).
    pub fn counts(&self) -> BTreeMap<(u8, u8), usize> {
        let mut counts = BTreeMap::new();
        for exchange in &self.shared.state().exchanges {
            *counts.entry(exchange.command()).or_default() += 1;
        }
        counts
    }

    /// Of that, what was to change something.
    pub fn writes(&self) -> Vec<Exchange> {
        self.shared.state().exchanges.iter().filter(|exchange| exchange.is_write()).cloned().collect()
    }

    /// Forgets what was asked so far.
    pub fn reset_counts(&self) {
        let mut state = self.shared.state();
        state.exchanges.clear();
        state.pending.values_mut().for_each(|pending| pending.place = None);
    }

    /// What is said as it is said, a line for each answer: to wait for.
    pub fn log(&self) -> &Transcript {
        &self.shared.log
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // This ends the wait for hosts, as nothing else does.
        let _ = socket::shutdown(self.listener.as_raw_fd(), socket::Shutdown::Both);
        if let Some(host) = &self.shared.state().host {
            let _ = host.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    /// Until one of the two leaves.
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
                self.pass_answers(&bmc, &out);
                let _ = host.shutdown(Shutdown::Both);
            });
            self.pass_requests(host, &bmc, &out);
            // ipmi_sim takes no other host before it has seen that this one left, and then leaves too.
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
                    Step::Forward(request) => drop(bmc.write_all(&request.encode())),
                    Step::Deliver(delivery) => delivery.to(out),
                    Step::Nothing => {}
                    Step::Disconnect => return drop(host.shutdown(Shutdown::Both)),
                }
            }
        }
    }

    fn pass_answers(&self, bmc: &TcpStream, out: &Arc<Mutex<UnixStream>>) {
        let (mut decoder, mut buffer) = (Decoder::default(), [0; 512]);
        while let Some(received) = read(bmc, &mut buffer) {
            for frame in decoder.feed(received) {
                let Frame::Message(answer) = frame else {
                    send(out, &frame.encode());
                    continue;
                };
                let delivery = self.state().answer(answer, &self.log);
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
    /// What becomes of a request, and the answer to an earlier one that is to come now.
    fn ask(&mut self, mut request: Message, log: &Transcript) -> (Option<Message>, Step) {
        let late = self.late.take();
        let place = self.exchanges.len();
        self.exchanges.push(Exchange::begin(&request));
        let fault = if self.is_hung { Some(Fault::Hang) } else { self.fault(&request) };
        if let Some(Fault::Shorten(length)) = fault
            && quirks::password(&request).is_some()
        {
            request.data.iter_mut().skip(2 + length).for_each(|byte| *byte = 0);
        }
        let step = match fault {
            Some(fault @ (Fault::Answer(_) | Fault::Drop | Fault::Hang | Fault::Disconnect)) => {
                self.stop(&request, place, &fault, log)
            }
            fault => self.let_through(request, place, fault, log),
        };
        (late, step)
    }

    /// The BMC does not see it.
    fn stop(&mut self, request: &Message, place: usize, fault: &Fault, log: &Transcript) -> Step {
        self.is_hung |= *fault == Fault::Hang;
        let (answer, step) = match fault {
            Fault::Answer(data) => {
                let delivery = Delivery::now(request.answer(data.clone()).encode());
                (Some(data.clone()), Step::Deliver(delivery))
            }
            Fault::Disconnect => (None, Step::Disconnect),
            _ => (None, Step::Nothing),
        };
        self.keep(Some(place), answer, Some(fault), log);
        step
    }

    /// ipmi_sim sees it, unless it would not behave.
    fn let_through(
        &mut self,
        request: Message,
        place: usize,
        fault: Option<Fault>,
        log: &Transcript,
    ) -> Step {
        let answer = self.quirks.answer(&request).map(|data| request.answer(data));
        let forwarded = request.clone();
        self.pending.insert(request.sequence, Pending { request, place: Some(place), fault });
        match answer {
            Some(answer) => Step::Deliver(self.answer(answer, log)),
            None => Step::Forward(forwarded),
        }
    }

    fn fault(&mut self, request: &Message) -> Option<Fault> {
        for (rule, count) in self.rules.iter_mut().filter(|(rule, _)| rule.is_about(request)) {
            *count += 1;
            let since = count.saturating_sub(rule.after);
            if since > 0 && rule.times.is_none_or(|times| since <= times) {
                return Some(rule.fault.clone());
            }
        }
        None
    }

    /// What the host gets for the BMC's answer.
    fn answer(&mut self, mut answer: Message, log: &Transcript) -> Delivery {
        let Some(Pending { request, place, fault }) = self.pending.remove(&answer.sequence) else {
            return Delivery::now(answer.encode());
        };
        self.quirks.amend(&request, &mut answer.data);
        spoil(&mut answer, fault.as_ref());
        let reported = (fault != Some(Fault::Lose)).then(|| answer.data.clone());
        self.keep(place, reported, fault.as_ref(), log);
        match fault {
            Some(Fault::Lose) => Delivery::now(Vec::new()),
            Some(Fault::Late) => {
                self.late = Some(answer);
                Delivery::now(Vec::new())
            }
            Some(Fault::Twice) => Delivery::now(answer.encode().repeat(2)),
            Some(Fault::Checksum) => Delivery::now(answer.encode_spoilt()),
            Some(Fault::Delay(delay)) => Delivery { bytes: answer.encode(), delay },
            _ => Delivery::now(answer.encode()),
        }
    }

    fn keep(
        &mut self,
        place: Option<usize>,
        answer: Option<Vec<u8>>,
        fault: Option<&Fault>,
        log: &Transcript,
    ) {
        let Some(exchange) = place.and_then(|place| self.exchanges.get_mut(place)) else { return };
        exchange.answer = answer;
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

/// Makes the answer say something else.
fn spoil(answer: &mut Message, fault: Option<&Fault>) {
    match fault {
        Some(Fault::Data(data)) => {
            answer.data.truncate(1);
            answer.data.extend(data);
        }
        Some(Fault::Cut(length)) => answer.data.truncate(1 + length),
        Some(Fault::Blank(code)) if answer.data.iter().all(|byte| *byte == 0) => answer.data = vec![*code],
        Some(Fault::Sequence) => answer.sequence ^= 0x3f,
        _ => {}
    }
}

/// What came; `None` at the end.
fn read(mut stream: impl Read, buffer: &mut [u8]) -> Option<&[u8]> {
    let length = stream.read(buffer).ok().filter(|length| *length > 0)?;
    buffer.get(..length)
}

/// A host that has left misses it.
fn send(out: &Mutex<UnixStream>, bytes: &[u8]) {
    let _ = out.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes);
}
