// SPDX-License-Identifier: MIT OR Apache-2.0
//! Content lists: the content of an image, one statement per line. The crate's documentation describes the format.

use crate::blobs::Blobs;
use crate::elf::{Needs, Sysroot};
use crate::modules::{Modules, names};
use crate::{Error, ImageBuilder, NodeKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::FileType;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Builds an image from content lists, in which `${KEY}` stands for the value of `KEY` in `variables`.
pub fn build(
    name: &str,
    lists: &[PathBuf],
    variables: BTreeMap<String, String>,
) -> Result<ImageBuilder, Error> {
    let mut image = ImageBuilder::new(name);
    let mut builder = ListBuilder {
        image: &mut image,
        variables,
        sysroot: None,
        modules: None,
        blobs: Blobs::default(),
        lists: BTreeSet::new(),
    };
    for list in lists {
        builder.list(list)?;
    }
    let ListBuilder { modules, blobs, .. } = builder;
    if let Some(modules) = modules {
        modules.add_to(image.source("the chosen kernel modules"), &blobs)?;
    }
    Ok(image)
}

struct ListBuilder<'a> {
    image: &'a mut ImageBuilder,
    variables: BTreeMap<String, String>,
    sysroot: Option<Sysroot>,
    modules: Option<Modules>,
    blobs: Blobs,
    lists: BTreeSet<PathBuf>,
}

impl ListBuilder<'_> {
    fn list(&mut self, list: &Path) -> Result<(), Error> {
        let text = std::fs::read_to_string(list).map_err(Error::io("reading", list))?;
        if !self.lists.insert(list.canonicalize().map_err(Error::io("resolving", list))?) {
            return Err(Error::Syntax(format!("{} is included twice", list.display())));
        }
        let directory = list.parent().unwrap_or(Path::new(""));
        // A byte order mark is not part of the first word.
        for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            self.image.source(format!("{}:{line}", list.display()));
            let statement = words(text, &self.variables).and_then(|words| self.state(&words, directory));
            statement.map_err(|error| Error::Line { list: list.to_owned(), line, source: error.into() })?;
        }
        Ok(())
    }

    /// Executes one statement. Files of the build machine are relative to `directory`.
    fn state(&mut self, words: &[String], directory: &Path) -> Result<(), Error> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match *words {
            [] => Ok(()),
            ["dir", path] => self.image.directory(path, 0o755).map(drop),
            ["dir", path, mode] => self.image.directory(path, octal(mode)?).map(drop),
            ["file", path, source] => self.file(path, &directory.join(source), None),
            ["file", path, source, mode] => self.file(path, &directory.join(source), Some(octal(mode)?)),
            ["link", path, target] => self.image.symlink(path, target).map(drop),
            ["node", path, kind, major, minor, mode] => {
                let kind = match kind {
                    "c" => NodeKind::Character,
                    "b" => NodeKind::Block,
                    _ => {
                        return Err(Error::Syntax(format!("invalid kind of node {kind:?}: expected c or b")));
                    }
                };
                self.image.node(path, kind, number(major)?, number(minor)?, octal(mode)?).map(drop)
            }
            ["tree", path, source] => self.tree(path, &directory.join(source)),
            ["volatile", path] => self.image.volatile(path).map(drop),
            ["include", list] => self.list(&directory.join(list)),
            ["sysroot", path] => self.sysroot(directory.join(path)),
            ["copy", ref paths @ ..] if !paths.is_empty() => {
                paths.iter().try_for_each(|path| self.copy(path))
            }
            ["library", ref names @ ..] if !names.is_empty() => {
                let libraries = names.iter().map(|name| (*name).to_owned()).collect();
                self.libraries(Needs { libraries, ..Needs::default() }, "this line")
            }
            ["kernel", path] => self.kernel(&directory.join(path)),
            ["module", ref names @ ..] if !names.is_empty() => {
                let missing = || Error::Syntax("`kernel DIR` must come before the first `module`".to_owned());
                let modules = self.modules.as_mut().ok_or_else(missing)?;
                names.iter().try_for_each(|name| modules.choose(name))
            }
            ["firmware", ""] => Ok(()),
            ["firmware", path] => self.blobs.take_from(directory.join(path)),
            ["optional", ref patterns @ ..] if !patterns.is_empty() => {
                self.blobs.optional(patterns);
                Ok(())
            }
            ["omit", ref patterns @ ..] if !patterns.is_empty() => {
                self.blobs.omit(patterns);
                Ok(())
            }
            [statement, ..] => Err(Error::Syntax(usage(statement))),
        }
    }

    /// Adds a file, and if it is an ELF file the libraries that it needs.
    fn file(&mut self, path: &str, source: &Path, mode: Option<u32>) -> Result<(), Error> {
        let metadata = source.metadata().map_err(Error::io("reading", source))?;
        check_regular(source, metadata.file_type())?;
        if u32::try_from(metadata.len()).is_err() {
            return Err(Error::TooLarge(path.trim_start_matches('/').to_owned()));
        }
        let bytes = std::fs::read(source).map_err(Error::io("reading", source))?;
        let executable = metadata.permissions().mode() & 0o100 != 0;
        let needs = Needs::of(&bytes, &source.display().to_string())?.unwrap_or_default();
        self.image.file(path, mode.unwrap_or(if executable { 0o755 } else { 0o644 }), bytes)?;
        self.libraries(needs, path)
    }

    fn libraries(&mut self, needs: Needs, object: &str) -> Result<(), Error> {
        if needs.is_empty() {
            return Ok(());
        }
        let sysroot = self.sysroot.as_mut().ok_or_else(|| Error::NoSysroot(object.to_owned()))?;
        for library in sysroot.libraries(needs, object)? {
            self.image.file(&library.path, 0o755, library.bytes)?;
        }
        Ok(())
    }

    /// Adds the file, symbolic link or directory (with its content) at `source`.
    fn tree(&mut self, path: &str, source: &Path) -> Result<(), Error> {
        let kind = source.symlink_metadata().map_err(Error::io("reading", source))?.file_type();
        if kind.is_dir() {
            let names = names(source)?;
            if names.is_empty() {
                return self.image.empty_directory(path).map(drop);
            }
            return names
                .iter()
                .try_for_each(|name| self.tree(&format!("{path}/{name}"), &source.join(name)));
        }
        if kind.is_symlink() {
            let target = std::fs::read_link(source).map_err(Error::io("reading", source))?;
            let target = target.to_str().ok_or_else(|| Error::NotUtf8(target.clone()))?;
            return self.image.symlink(path, target).map(drop);
        }
        self.file(path, source, None)
    }

    fn sysroot(&mut self, directory: PathBuf) -> Result<(), Error> {
        if self.sysroot.is_some() {
            return Err(Error::Syntax("duplicate `sysroot`".to_owned()));
        }
        directory.metadata().map_err(Error::io("opening sysroot", &directory))?;
        self.sysroot = Some(Sysroot::at(directory));
        Ok(())
    }

    fn copy(&mut self, path: &str) -> Result<(), Error> {
        let missing = || Error::Syntax("`sysroot DIR` must come before the first `copy`".to_owned());
        let sysroot = self.sysroot.as_ref().ok_or_else(missing)?;
        let source = sysroot.locate(path)?;
        self.tree(path, &source)
    }

    fn kernel(&mut self, directory: &Path) -> Result<(), Error> {
        if self.modules.is_some() {
            return Err(Error::Syntax("duplicate `kernel`".to_owned()));
        }
        self.modules = Some(Modules::open(directory)?);
        Ok(())
    }
}

/// Refuses what cannot be read like a file, or not to an end.
fn check_regular(source: &Path, kind: FileType) -> Result<(), Error> {
    if kind.is_file() {
        return Ok(());
    }
    let node = "use `node` for a device node in the image";
    let (kind, instead) = match kind {
        kind if kind.is_dir() => ("directory", "use `tree` for its content"),
        kind if kind.is_char_device() => ("character device", node),
        kind if kind.is_block_device() => ("block device", node),
        kind if kind.is_fifo() => ("named pipe", "remove it"),
        _ => ("socket", "remove it"),
    };
    Err(Error::NotAFile { path: source.to_owned(), kind, instead })
}

/// Splits a line, without its comment, into words and expands variables; a value with spaces stays one word.
fn words(line: &str, variables: &BTreeMap<String, String>) -> Result<Vec<String>, Error> {
    let words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
    words.map(|word| expand(word, variables)).collect()
}

fn expand(word: &str, variables: &BTreeMap<String, String>) -> Result<String, Error> {
    let Some((before, rest)) = word.split_once("${") else { return Ok(word.to_owned()) };
    let Some((key, after)) = rest.split_once('}') else {
        return Err(Error::Syntax(format!("{word:?}: ${{ without a closing brace")));
    };
    let unknown = || Error::Syntax(format!("${{{key}}} is not set: use --set {key}=VALUE"));
    let value = variables.get(key).ok_or_else(unknown)?;
    Ok(format!("{before}{value}{}", expand(after, variables)?))
}

fn octal(mode: &str) -> Result<u32, Error> {
    let wrong = || Error::Syntax(format!("invalid mode {mode:?}: expected an octal number up to 7777"));
    u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777).ok_or_else(wrong)
}

fn number(text: &str) -> Result<u32, Error> {
    text.parse().map_err(|_| Error::Syntax(format!("invalid device number {text:?}")))
}

fn usage(statement: &str) -> String {
    let arguments = match statement {
        "dir" => "PATH [MODE]",
        "file" => "PATH SOURCE [MODE]",
        "link" => "PATH TARGET",
        "node" => "PATH c|b MAJOR MINOR MODE",
        "tree" => "PATH SOURCE",
        "volatile" => "PATH",
        "include" => "LIST",
        "sysroot" | "kernel" | "firmware" => "DIR",
        "copy" => "PATH...",
        "library" | "module" => "NAME...",
        "optional" | "omit" => "PATTERN...",
        _ => {
            return format!(
                "unknown statement {statement:?}: expected dir, file, link, node, tree, volatile, include, sysroot, copy, \
                 library, kernel, module, firmware, optional or omit"
            );
        }
    };
    format!("wrong number of arguments: expected `{statement} {arguments}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Compression, Member, members};
    use std::os::unix::fs::symlink;

    /// Builds from the text of one list, in a directory that has a file, a program and a tree.
    fn built(text: &str) -> Result<Vec<Member>, String> {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        std::fs::write(at("plain"), "plain\n").unwrap();
        std::fs::create_dir(at("tree")).unwrap();
        std::fs::write(at("tree/script"), "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(at("tree/script"), PermissionsExt::from_mode(0o700)).unwrap();
        symlink("script", at("tree/alias")).unwrap();
        std::fs::create_dir_all(at("hollow/a/b")).unwrap();
        std::fs::create_dir(at("pipes")).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(at("pipes/p")).status().unwrap();
        assert!(pipe.success());
        std::fs::File::create(at("huge")).unwrap().set_len(5 << 30).unwrap();
        std::fs::write(at("other.list"), "dir /other\n").unwrap();
        std::fs::write(at("main.list"), text).unwrap();
        let variables =
            [("key", "two words"), ("source", "plain")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let report = |error: Error| {
            let mut text = error.to_string();
            let mut error: &dyn std::error::Error = &error;
            while let Some(source) = error.source() {
                text += &format!(": {source}");
                error = source;
            }
            text.replace(&format!("{}/", directory.path().display()), "")
        };
        let image = build("test", &[at("main.list")], variables.into()).map_err(report)?;
        Ok(members(&image.to_bytes(Compression::None).map_err(report)?).unwrap())
    }

    fn listed(members: &[Member]) -> Vec<String> {
        let text = |member: &Member| {
            format!(
                "{:o} {} {}",
                member.mode,
                member.path,
                String::from_utf8_lossy(&member.content).trim_end()
            )
        };
        members.iter().skip(5).map(text).collect()
    }

    #[test]
    fn every_statement_has_its_effect() {
        let members = built(
            "# a comment\n\
             dir /run 0700   # and another\n\
             file /etc/a ${source}\n\
             file /etc/b plain 0600\n\
             link /init usr/bin/${key}\n\
             node /dev/console c 5 1 0600\n\
             tree /bin/tree tree\n\
             tree /hollow hollow\n\
             dir /bin\n\
             volatile /etc/b\n\
             include other.list\n",
        )
        .unwrap();
        assert_eq!(
            listed(&members),
            [
                "40755 dev ",
                "20600 dev/console ",
                "100644 etc/a plain",
                "100600 etc/b plain",
                "40755 hollow ",
                "40755 hollow/a ",
                "40755 hollow/a/b ",
                "120777 init usr/bin/two words",
                "40755 other ",
                "40700 run ",
                "40755 usr ",
                "40755 usr/bin ",
                "40755 usr/bin/tree ",
                "120777 usr/bin/tree/alias script",
                "100755 usr/bin/tree/script #!/bin/sh",
            ]
        );
    }

    #[test]
    fn every_error_is_reported_with_its_line() {
        for (text, message) in [
            ("\nfrob /x", "main.list:2: unknown statement \"frob\": expected dir, file,"),
            ("dir", "main.list:1: wrong number of arguments: expected `dir PATH [MODE]`"),
            ("dir /a 999", "main.list:1: invalid mode \"999\""),
            ("dir /a 17777", "main.list:1: invalid mode \"17777\""),
            ("dir /a/../b", "main.list:1: invalid path \"/a/../b\""),
            ("link /a ${nope}", "main.list:1: ${nope} is not set: use --set nope=VALUE"),
            ("link /a ${key", "main.list:1: \"${key\": ${ without a closing brace"),
            ("node /a x 1 2 0600", "main.list:1: invalid kind of node \"x\""),
            ("node /a c 1 -2 0600", "main.list:1: invalid device number \"-2\""),
            ("file /a missing", "main.list:1: reading missing: No such file"),
            ("\u{feff}tree /a pipes", "main.list:1: pipes/p is a named pipe, not a regular file: remove it"),
            ("file /a /dev/zero", "/dev/zero is a character device, not a regular file: use `node`"),
            ("file /a tree", "main.list:1: tree is a directory, not a regular file: use `tree`"),
            ("file /a huge", "main.list:1: /a is larger than 4 GiB"),
            ("dir /a\n\nlink /a b", "main.list:3: duplicate path /a: in main.list:1 and in main.list:3"),
            ("link /a b\ndir /a/c", "/a/c (main.list:2) cannot be created: /a is not a directory"),
            ("volatile /a", "/a is volatile, but the image has no such file"),
            ("include missing.list", "main.list:1: reading missing.list: No such file"),
            ("include other.list\ninclude other.list", "main.list:2: other.list is included twice"),
            ("include main.list", "main.list:1: main.list is included twice"),
            ("include other.list\ndir other", "duplicate path /other: in other.list:1 and in main.list:2"),
            ("file /ls /bin/ls", "main.list:1: /ls needs libraries: add `sysroot DIR`"),
            ("library libc.so.6", "main.list:1: this line needs libraries"),
            ("copy /bin/ls", "main.list:1: `sysroot DIR` must come before the first `copy`"),
            ("sysroot missing", "main.list:1: opening sysroot missing: No such file"),
            (
                "sysroot tree\ncopy /script /nope",
                "main.list:2: /nope, needed by this line, is not in the sysroot tree",
            ),
            ("sysroot tree\nsysroot tree", "main.list:2: duplicate `sysroot`"),
            ("module loop", "main.list:1: `kernel DIR` must come before the first `module`"),
            ("firmware missing", "main.list:1: reading directory missing: No such file"),
            ("firmware tree\nfirmware tree", "main.list:2: duplicate `firmware`"),
            ("optional", "main.list:1: wrong number of arguments: expected `optional PATTERN...`"),
            ("omit", "main.list:1: wrong number of arguments: expected `omit PATTERN...`"),
            ("kernel tree", "main.list:1: reading directory tree/lib/modules: No such file"),
        ] {
            let error = built(text).unwrap_err();
            assert!(error.contains(message), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_program_is_added_with_its_libraries_once() {
        let members = built("sysroot /\ncopy /bin/ls\nfile /bin/cat /bin/cat\nlibrary libc.so.6").unwrap();
        let count = |end: &str| members.iter().filter(|member| member.path.ends_with(end)).count();
        assert_eq!(count("/libc.so.6"), 1);
        assert_eq!(count("/ld-linux-x86-64.so.2"), 1);
        assert!(members.iter().all(|member| !member.path.starts_with("lib")), "/usr is merged");
        let loader = members.iter().find(|member| member.path == "usr/lib64/ld-linux-x86-64.so.2").unwrap();
        assert_eq!(loader.mode, 0o100_755);
    }
}
