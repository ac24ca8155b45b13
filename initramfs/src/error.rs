// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors in an image, in a content list, or in the files that they name.

use std::path::PathBuf;

/// Why an image could not be built or read. The message names the object and, where it helps, what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory of the build machine.
    #[error("{action} {path}")]
    Io {
        /// A gerund such as "reading".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// A statement of a content list failed.
    #[error("{list}:{line}")]
    Line {
        /// The content list.
        list: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What failed.
        source: Box<Error>,
    },
    /// A line of a content list is not a valid statement.
    #[error("{0}")]
    Syntax(String),
    /// An archive's name, which is part of a path in it, has other characters.
    #[error("archive name {0:?}: only letters, digits, '.', '_' and '-' are allowed")]
    Name(String),
    /// A path that an archive, or its list of digests, cannot contain.
    #[error(
        "invalid path {0:?}: it must not contain '.', '..', newline or backslash, nor be the end mark of a cpio archive"
    )]
    Path(String),
    /// Two statements for the same path.
    #[error("duplicate path /{path}: in {first} and in {second}")]
    Duplicate {
        /// The path, without the leading slash.
        path: String,
        /// The first statement.
        first: String,
        /// The second statement.
        second: String,
    },
    /// A path below a path that is not a directory.
    #[error("/{path} ({by}) cannot be created: /{parent} is not a directory")]
    Parent {
        /// The path that cannot be created.
        path: String,
        /// Its statement.
        by: String,
        /// The parent that is a file, a symbolic link or a device node.
        parent: String,
    },
    /// A volatile path that is not a regular file of the image.
    #[error("/{0} is volatile, but the image has no such file")]
    Volatile(String),
    /// A source that is not a regular file: reading it may wait for ever, or never end.
    #[error("{path} is a {kind}, not a regular file: {instead}")]
    NotAFile {
        /// The path on the build machine.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A name on the build machine that is not UTF-8.
    #[error("{0}: the name is not UTF-8")]
    NotUtf8(PathBuf),
    /// A file that is too large for the archive format.
    #[error("/{0} is larger than 4 GiB, the limit of the cpio format")]
    TooLarge(String),
    /// The bytes are not an image, or it is truncated.
    #[error("at byte {offset}: {problem}")]
    Image {
        /// The byte of the image at which the unreadable archive begins.
        offset: usize,
        /// The cause.
        problem: String,
    },
    /// An ELF file that cannot be parsed.
    #[error("parsing {object} as an ELF file")]
    Elf {
        /// The program, library or kernel module.
        object: String,
        /// The parser's error.
        source: goblin::error::Error,
    },
    /// A dynamic program, in a list without sysroot.
    #[error("{0} needs libraries: add `sysroot DIR` with a directory that has them, or link it statically")]
    NoSysroot(String),
    /// The sysroot does not have a file or library.
    #[error("{what}, needed by {by}, is not in the sysroot {sysroot} (searched: {searched})")]
    NotInSysroot {
        /// The path or the name of the library.
        what: String,
        /// The statement or the object that needs it.
        by: String,
        /// The sysroot.
        sysroot: PathBuf,
        /// The searched paths, in order.
        searched: String,
    },
    /// A directory that is not an unpacked kernel package.
    #[error("{path}: {problem}; an unpacked kernel package (linux-image-*) is expected")]
    Kernel {
        /// The directory.
        path: PathBuf,
        /// The cause.
        problem: &'static str,
    },
    /// A module that the kernel does not have.
    #[error("kernel {version} has no module {name}{}", by.as_ref().map(|by| format!(", which {by} depends on")).unwrap_or_default())]
    NoModule {
        /// The kernel's version.
        version: String,
        /// The module.
        name: String,
        /// The module that depends on it.
        by: Option<String>,
    },
    /// A blob that a module names, and that is neither there nor declared as not needed.
    #[error(
        "module {module} needs the blob {blob}, which {}: add it to the folder of the statement `firmware DIR`, or state \
         `optional {blob}` if the device works without it",
        folder.as_ref().map_or("no folder has".to_owned(), |folder| format!("{} does not have", folder.display()))
    )]
    NoBlob {
        /// The module.
        module: String,
        /// The blob's path in the folder.
        blob: String,
        /// The folder, if the list has one.
        folder: Option<PathBuf>,
    },
    /// A compressed blob.
    #[error("{path} is compressed with xz, which this kernel may not read: run `unxz --keep {path}`", path = .0.display())]
    CompressedBlob(PathBuf),
}

impl Error {
    /// For `map_err`: adds the action and the path.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}
