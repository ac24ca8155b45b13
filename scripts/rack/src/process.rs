// SPDX-License-Identifier: MIT OR Apache-2.0
//! Child processes, inside and outside of namespaces. Every one ends with this process, also when this is killed. Apart from
//! `tap.rs`, this is the only file with `unsafe`.

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::env;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};

use crate::namespace::Namespace;
use crate::transcript::Transcript;

/// A running program. It is ended when this is dropped, and with this process.
pub(crate) struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    transcript: Arc<Transcript>,
}

/// A command by name, searched in the folders of system programs too, which not every user's PATH includes.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

/// Runs `command` to its end, and returns its output. It ends with the calling thread.
///
/// # Errors
/// The program cannot be started.
pub(crate) fn output(command: &mut Command) -> io::Result<Output> {
    die_with_parent(command, Signal::SIGKILL, Vec::new());
    command.output()
}

/// A shell script that runs its arguments, and ends them when a signal ends it.
const GUARD: &str = r#"
child= ended=
trap 'ended=1; [ -z "$child" ] || kill "$child"' TERM INT HUP
"$@" &
child=$!
[ -z "$ended" ] || kill "$child"
wait "$child"
wait "$child"
"#;

/// The longest time from SIGTERM to SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

impl Process {
    /// Starts `command` in the namespace. `transcript` receives its standard output and error; it inherits the descriptors
    /// `inherited` under their own numbers.
    pub fn spawn(
        namespace: &Namespace,
        command: Command,
        inherited: Vec<OwnedFd>,
        transcript: Arc<Transcript>,
    ) -> Result<Process> {
        let name = command.get_program().to_string_lossy().into_owned();
        Process::spawn_named(name, namespace, command, Signal::SIGKILL, inherited, transcript)
    }

    /// Starts a daemon that changes its credentials, such as lldpd. With these, the kernel clears the signal at the parent's
    /// death (prctl(2), PR_SET_PDEATHSIG), so a shell in front of the daemon gets the signal and ends the daemon.
    ///
    /// # Errors
    /// The program is missing, or cannot be started.
    pub(crate) fn spawn_guarded(
        namespace: &Namespace,
        command: &Command,
        transcript: Arc<Transcript>,
    ) -> Result<Process> {
        let name = command.get_program().to_string_lossy().into_owned();
        let envs: Vec<_> = command.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
        let path = envs.iter().find(|(name, _)| *name == "PATH").map(|(_, value)| value.to_os_string());
        let path = path.or_else(|| env::var_os("PATH")).unwrap_or_default();
        if !env::split_paths(&path).any(|folder| folder.join(&name).is_file()) {
            return Err(explain(&name, ErrorKind::NotFound.into()));
        }
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", GUARD, "guard"]).arg(command.get_program()).args(command.get_args()).envs(envs);
        if let Some(directory) = command.get_current_dir() {
            shell.current_dir(directory);
        }
        Process::spawn_named(name, namespace, shell, Signal::SIGTERM, Vec::new(), transcript)
    }

    fn spawn_named(
        name: String,
        namespace: &Namespace,
        mut command: Command,
        at_parents_death: Signal,
        inherited: Vec<OwnedFd>,
        transcript: Arc<Transcript>,
    ) -> Result<Process> {
        let (mut output, output_end) = io::pipe().context("creating a pipe")?;
        let errors_end = output_end.try_clone().context("duplicating a pipe")?;
        command.stdin(Stdio::piped()).stdout(output_end).stderr(errors_end);
        let fds = inherited.iter().map(AsRawFd::as_raw_fd).collect();
        die_with_parent(&mut command, at_parents_death, fds);

        // The command holds the pipe's write ends; only after it is dropped, the output can end.
        let mut child = namespace.run(move || command.spawn())?.map_err(|error| explain(&name, error))?;
        drop(inherited);
        let input = child.stdin.take();
        let sink = Arc::clone(&transcript);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                match output.read(&mut buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => break sink.close(),
                    Ok(length) => sink.push(buffer.get(..length).unwrap_or_default()),
                }
            }
        });
        Ok(Process { name, child, input, transcript })
    }

    /// Writes to its standard input.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let input = self.input.as_mut().with_context(|| format!("{} has no standard input", self.name))?;
        input
            .write_all(bytes)
            .and_then(|()| input.flush())
            .with_context(|| format!("writing to {}", self.name))
    }

    /// Waits until it ends; `None` at the timeout.
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<ExitStatus>> {
        if !self.transcript.wait_closed(timeout) {
            return Ok(None);
        }
        self.child.wait().map(Some).with_context(|| format!("waiting for {}", self.name))
    }

    /// Kills it (SIGKILL), and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends it by SIGTERM; after 5 s by SIGKILL.
    pub fn stop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if !matches!(self.wait(GRACE), Ok(Some(_))) {
            self.kill();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The resources that a command used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Wall-clock time from start to end.
    pub elapsed: Duration,
    /// CPU time, user and system.
    pub cpu: Duration,
    /// Peak resident memory in bytes; never less than that of this process (getrusage(2), `ru_maxrss`).
    pub peak_bytes: u64,
}

/// Runs `command` to its end, without output. Its exit status is ignored.
///
/// # Errors
/// It cannot be started.
pub fn measure(command: &mut Command) -> Result<Usage> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    die_with_parent(command, Signal::SIGKILL, Vec::new());
    let begin = Instant::now();
    let child = command.spawn().map_err(|error| explain(&name, error))?;
    let pid = libc::pid_t::try_from(child.id()).context("reading a process id")?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid for writing; the child is this process's own, and nothing else waits for it.
    let waited = unsafe { libc::wait4(pid, &mut status, 0, usage.as_mut_ptr()) };
    let elapsed = begin.elapsed();
    ensure!(waited == pid, "waiting for {name}: {}", io::Error::last_os_error());
    // SAFETY: all bytes were zeroed, which makes a valid rusage, and the kernel has filled it in.
    let usage = unsafe { usage.assume_init() };
    let time =
        |time: libc::timeval| Duration::from_micros((time.tv_sec * 1_000_000 + time.tv_usec).unsigned_abs());
    Ok(Usage {
        elapsed,
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        peak_bytes: usage.ru_maxrss.unsigned_abs() * 1024,
    })
}

/// The error of starting the program `name`, with advice.
pub(crate) fn explain(name: &str, error: io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => anyhow!("{name} is missing: run scripts/setup"),
        _ => anyhow!(error).context(format!("starting {name}")),
    }
}

fn die_with_parent(command: &mut Command, signal: Signal, inherited: Vec<RawFd>) {
    let parent = getpid();
    let prepare = move || {
        set_pdeathsig(signal)?;
        // The parent may have ended before the signal was set.
        if getppid() != parent {
            return Err(ErrorKind::NotConnected.into());
        }
        for &fd in &inherited {
            // SAFETY: the descriptor is open in the parent until the command was started, so it is open in its copy.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure only makes system calls: it neither allocates nor locks.
    unsafe { command.pre_exec(prepare) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (tempfile::TempDir, Process, Arc<Transcript>) {
        let directory = tempfile::tempdir().unwrap();
        let transcript = Arc::new(Transcript::create(&directory.path().join("log")).unwrap());
        transcript.begin("test");
        let namespace = Namespace::new().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let process = Process::spawn(&namespace, command, Vec::new(), Arc::clone(&transcript)).unwrap();
        // The thread that started it must outlive it.
        std::mem::forget(namespace);
        (directory, process, transcript)
    }

    #[test]
    fn passes_input_and_output() {
        let (_directory, mut process, transcript) = shell("read line; echo got $line >&2");
        process.write(b"this\n").unwrap();
        transcript.wait_for("got this", Duration::from_secs(60)).unwrap();
        assert!(process.wait(Duration::from_secs(60)).unwrap().unwrap().success());
    }

    #[test]
    fn stops_a_running_process() {
        let (_directory, mut process, transcript) = shell("echo up; exec cat");
        transcript.wait_for("up", Duration::from_secs(60)).unwrap();
        assert!(process.wait(Duration::ZERO).unwrap().is_none());
        drop(process);
        assert!(transcript.wait_closed(Duration::ZERO));
    }

    #[test]
    fn ends_with_the_thread_of_its_namespace() {
        let directory = tempfile::tempdir().unwrap();
        let transcript = Arc::new(Transcript::create(&directory.path().join("log")).unwrap());
        transcript.begin("test");
        let namespace = Namespace::new().unwrap();
        let mut process =
            Process::spawn(&namespace, Command::new("cat"), Vec::new(), Arc::clone(&transcript)).unwrap();
        drop(namespace);
        let status = process.wait(Duration::from_secs(60)).unwrap().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    }

    #[test]
    fn a_guarded_daemon_ends_with_the_thread_of_its_namespace() {
        let directory = tempfile::tempdir().unwrap();
        let transcript = Arc::new(Transcript::create(&directory.path().join("log")).unwrap());
        transcript.begin("test");
        let namespace = Namespace::new().unwrap();
        let mut daemon = command("sh");
        // The shell in front has a signal set for its parent's death, this one has none.
        daemon.args(["-c", "echo pid $$; exec sleep 1000"]);
        let mut process = Process::spawn_guarded(&namespace, &daemon, Arc::clone(&transcript)).unwrap();
        let found = transcript.wait_for(r"pid (\d+)\n", Duration::from_secs(60)).unwrap();
        let pid = Pid::from_raw(found.group(1).parse().unwrap());
        assert!(kill(pid, None).is_ok());
        drop(namespace);
        assert!(process.wait(Duration::from_secs(60)).unwrap().is_some());
        assert!(kill(pid, None).is_err());

        let namespace = Namespace::new().unwrap();
        let missing = command("stage1-no-such-program");
        let error = Process::spawn_guarded(&namespace, &missing, transcript).err().unwrap().to_string();
        assert_eq!(error, "stage1-no-such-program is missing: run scripts/setup");
    }

    #[test]
    fn measures_time_and_memory() {
        let mut busy = Command::new("sh");
        busy.args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; exit 7"]);
        let usage = measure(&mut busy).unwrap();
        assert!(usage.elapsed >= usage.cpu / 2 && usage.cpu > Duration::from_millis(5), "{usage:?}");
        assert!((1 << 18..1 << 30).contains(&usage.peak_bytes), "{usage:?}");
    }

    #[test]
    fn a_missing_program_comes_with_advice() {
        let missing = Command::new("stage1-no-such-program").spawn().unwrap_err();
        assert_eq!(explain("qemu", missing).to_string(), "qemu is missing: run scripts/setup");
    }
}
