// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be wrong with an image, a content list, or what they are made of.

use std::path::PathBuf;

/// Why an image could not be made or read. The text names the object and, where that helps, what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory of the building machine.
    #[error("{action} {path}")]
    Io {
        /// A gerund such as "reading".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The line of a content list that asked for what failed.
    #[error("{list}:{line}")]
    Line {
        /// The content list.
        list: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What failed.
        source: Box<Error>,
    },
    /// A line of a content list is not one of the statements.
    #[error("{0}")]
    Syntax(String),
    /// The name of a segment is part of a path in the image.
    #[error("segment name {0:?}: only letters, digits, '.', '_' and '-' are allowed")]
    Name(String),
    /// A path that an image, or the list of digests in it, cannot carry.
    #[error("path {0:?} is not usable in an image: it must be plain, without '..', newline or backslash")]
    Path(String),
    /// Two entries want the same path.
    #[error("/{path} is stated twice: by {first} and by {second}")]
    Duplicate {
        /// The path, without the leading slash.
        path: String,
        /// Where it was stated first.
        first: String,
        /// Where it was stated again.
        second: String,
    },
    /// Something lies under a path that is not a directory.
    #[error("/{path} ({by}) cannot be made: /{parent} is no directory")]
    Parent {
        /// The path that cannot be made.
        path: String,
        /// Where it was stated.
        by: String,
        /// The parent that is a file, a link or a node.
        parent: String,
    },
    /// A path declared volatile that is no regular file of the image.
    #[error("/{0} is declared volatile, but the image has no such file")]
    Volatile(String),
    /// A file that the archive format cannot hold.
    #[error("/{0} is larger than 4 GiB, the limit of the cpio format")]
    TooLarge(String),
    /// Bytes that are no image, or not all of one.
    #[error("at byte {offset}: {problem}")]
    Image {
        /// Where in the image, or in the unpacked segment, reading stopped.
        offset: usize,
        /// What was found there.
        problem: String,
    },
    /// An ELF file that cannot be parsed.
    #[error("parsing {object} as an ELF file")]
    Elf {
        /// The program, library or kernel module.
        object: String,
        /// What the parser said.
        source: goblin::error::Error,
    },
    /// A program needs libraries, and there is no sysroot to take them from.
    #[error("{0} needs libraries: name a directory to take them from (`sysroot DIR`), or link it statically")]
    NoSysroot(String),
    /// Something is not in the sysroot.
    #[error("{what}, needed by {by}, is not in the sysroot {sysroot} (looked in {looked})")]
    NotInSysroot {
        /// The path or the name of the library.
        what: String,
        /// Who wants it.
        by: String,
        /// The sysroot.
        sysroot: PathBuf,
        /// The places, in order.
        looked: String,
    },
    /// A directory that is not an unpacked kernel package.
    #[error("{path}: {problem}; an unpacked kernel package (linux-image-*) is expected")]
    Kernel {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A module that this kernel does not have.
    #[error("kernel {version} has no module {name}{}", by.as_ref().map(|by| format!(", which {by} depends on")).unwrap_or_default())]
    NoModule {
        /// The kernel's version.
        version: String,
        /// The module.
        name: String,
        /// The module that depends on it.
        by: Option<String>,
    },
}

impl Error {
    /// For `map_err`: says what was being done to which path.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}
