// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network namespaces: invisible outside, and gone with the process.

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd};
use std::process;
use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getegid, geteuid};

/// A network namespace, and a thread in it. The processes of the namespace are children of this thread, and die with it.
pub struct Namespace {
    handle: File,
    jobs: Mutex<Sender<Job>>,
}

type Job = Box<dyn FnOnce() + Send>;

impl Namespace {
    /// Creates an empty namespace.
    ///
    /// # Errors
    /// The process is not root; see [`become_root`].
    pub fn new() -> Result<Namespace> {
        let (ready, is_ready) = mpsc::channel();
        let (jobs, work) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("namespace".to_string())
            .spawn(move || {
                let _ = ready.send(open_new());
                work.into_iter().for_each(|job| job());
            })
            .context("starting the namespace's thread")?;
        let handle = is_ready.recv().context("waiting for the namespace's thread")??;
        Ok(Namespace { handle, jobs: Mutex::new(jobs) })
    }

    /// Runs `job` on the namespace's thread, and returns its result.
    ///
    /// # Errors
    /// The job panicked.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (done, result) = mpsc::channel();
        let job: Job = Box::new(move || {
            let _ = done.send(job());
        });
        let jobs = self.jobs.lock().map_err(|_| anyhow!("the namespace's queue is broken"))?;
        jobs.send(job).map_err(|_| anyhow!("the namespace's thread has ended"))?;
        drop(jobs);
        result.recv().context("a job in the namespace panicked")
    }

    /// Its path in procfs, as long as it exists.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.handle.as_raw_fd())
    }

    /// Moves the calling thread into the namespace, with the sockets, threads and processes that it creates from here on.
    pub(crate) fn enter(&self) -> Result<()> {
        setns(self.handle.as_fd(), CloneFlags::CLONE_NEWNET).context("entering the network namespace")
    }
}

fn open_new() -> Result<File> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| {
        anyhow!(
            "creating a network namespace: {error}; run as root, or in a user namespace: unshare --user --map-root-user COMMAND"
        )
    })?;
    File::open("/proc/thread-self/ns/net").context("opening /proc/thread-self/ns/net")
}

/// Makes a process that is not root the root of a new user namespace. Only possible while it has a single thread.
///
/// # Errors
/// User namespaces are not allowed.
pub fn become_root() -> Result<()> {
    let (user, group) = (geteuid(), getegid());
    if user.is_root() {
        return Ok(());
    }
    if let Err(error) = unshare(CloneFlags::CLONE_NEWUSER) {
        bail!("creating a user namespace: {error}; run as root, or allow user namespaces on this machine");
    }
    for (file, content) in [
        ("/proc/self/setgroups", "deny".to_string()),
        ("/proc/self/uid_map", format!("0 {user} 1")),
        ("/proc/self/gid_map", format!("0 {group} 1")),
    ] {
        fs::write(file, content).with_context(|| format!("writing {file}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_its_own_network() {
        let links = || fs::read_to_string("/proc/thread-self/net/dev").unwrap().lines().count();
        let namespace = Namespace::new().unwrap();
        // Two lines of heading, and the loopback device.
        assert_eq!(namespace.run(links).unwrap(), 3);

        let inside = namespace.run(|| fs::read_link("/proc/thread-self/ns/net").unwrap()).unwrap();
        assert_ne!(fs::read_link("/proc/thread-self/ns/net").unwrap(), inside);
        thread::scope(|scope| {
            scope.spawn(|| {
                namespace.enter().unwrap();
                assert_eq!(fs::read_link("/proc/thread-self/ns/net").unwrap(), inside);
            });
        });
    }
}
