// SPDX-License-Identifier: MIT OR Apache-2.0
//! The logger: to standard error, and at boot to the kernel's log as well.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Mutex;

use log::{Level, LevelFilter, Log, Metadata, Record};
use stage1_contract::printable;

struct Logger {
    kernel: Option<Mutex<File>>,
}

/// Installs the logger for messages of at most `level`; with `kernel_log` it writes to `/dev/kmsg` too. A second call has no
/// effect.
pub fn start(level: LevelFilter, kernel_log: bool) {
    let open = || OpenOptions::new().write(true).open("/dev/kmsg").ok();
    let kernel = if kernel_log { open().map(Mutex::new) } else { None };
    if log::set_boxed_logger(Box::new(Logger { kernel })).is_ok() {
        log::set_max_level(level);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.target().starts_with("stage1")
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mark = if record.level() == Level::Warn { "warning: " } else { "" };
        let line = format!("stage1: {mark}{}\n", printable(&record.args().to_string()));
        let _ = std::io::stderr().write_all(line.as_bytes());
        if let Some(mut kernel) = self.kernel.as_ref().and_then(|kernel| kernel.lock().ok()) {
            // <7>: level debug, so that the kernel does not print it on the console a second time.
            let _ = kernel.write_all(format!("<7>{line}").as_bytes());
        }
    }

    fn flush(&self) {}
}
