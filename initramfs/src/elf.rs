// SPDX-License-Identifier: MIT OR Apache-2.0
//! The loader and libraries that an ELF file needs, and a sysroot to take them from.

use crate::Error;
use goblin::elf::Elf;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Where the loader searches after the run paths of the object (ld.so(8); Debian's multiarch directories first).
const LIBRARY_DIRECTORIES: &[&str] =
    &["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// Most symbolic links in the resolution of a path (the kernel's limit).
const MAX_LINKS: usize = 40;

/// What an ELF file needs to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The loader itself (PT_INTERP), an absolute path.
    pub interpreter: Option<String>,
    /// The names of libraries (DT_NEEDED).
    pub libraries: Vec<String>,
    /// Directories to search first (DT_RUNPATH, or DT_RPATH in older files).
    pub run_paths: Vec<String>,
}

impl Needs {
    /// Reads the needs of `object`, a name for messages; `None` if the bytes are not an ELF file.
    pub fn of(bytes: &[u8], object: &str) -> Result<Option<Needs>, Error> {
        if !bytes.starts_with(goblin::elf::header::ELFMAG) {
            return Ok(None);
        }
        let elf = Elf::parse(bytes).map_err(|source| Error::Elf { object: object.to_owned(), source })?;
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let paths = if elf.runpaths.is_empty() { &elf.rpaths } else { &elf.runpaths };
        Ok(Some(Needs {
            interpreter: elf.interpreter.map(str::to_owned),
            libraries: own(&elf.libraries),
            run_paths: paths.iter().flat_map(|list| list.split(':')).map(str::to_owned).collect(),
        }))
    }

    /// Whether the file is statically linked.
    pub fn is_empty(&self) -> bool {
        self.interpreter.is_none() && self.libraries.is_empty()
    }
}

/// A directory with the files of a system, such as unpacked packages. Symbolic links do not lead out of it.
#[derive(Debug)]
pub struct Sysroot {
    root: PathBuf,
    taken: BTreeSet<String>,
}

/// A library or loader found in a sysroot.
#[derive(Debug)]
pub struct Library {
    /// Its absolute path in the sysroot, where the loader searches for it.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Sysroot {
    /// A sysroot at a directory.
    pub fn at(root: impl Into<PathBuf>) -> Sysroot {
        Sysroot { root: root.into(), taken: BTreeSet::new() }
    }

    /// The file, directory or link at an absolute path in the sysroot.
    pub fn locate(&self, path: &str) -> Result<PathBuf, Error> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let file = self.resolve(parent).map(|parent| parent.join(name));
        file.filter(|file| file.symlink_metadata().is_ok()).ok_or_else(|| Error::NotInSysroot {
            what: path.to_owned(),
            by: "this line".to_owned(),
            sysroot: self.root.clone(),
            searched: path.to_owned(),
        })
    }

    /// The libraries in `needs`, with their own dependencies, except for those that an earlier call returned: the loader
    /// loads a library of the same name only once, so one file per name is enough.
    pub fn libraries(&mut self, needs: Needs, object: &str) -> Result<Vec<Library>, Error> {
        let mut libraries = Vec::new();
        let mut pending = vec![(needs, object.to_owned())];
        while let Some((needs, by)) = pending.pop() {
            let names = needs.interpreter.iter().chain(&needs.libraries);
            for name in names {
                if !self.taken.insert(name.rsplit('/').next().unwrap_or(name).to_owned()) {
                    continue;
                }
                let (path, file) = self.find(name, &needs.run_paths, &by)?;
                let bytes = std::fs::read(&file).map_err(Error::io("reading", &file))?;
                if let Some(needs) = Needs::of(&bytes, &path)? {
                    pending.push((needs, path.clone()));
                }
                libraries.push(Library { path, bytes });
            }
        }
        Ok(libraries)
    }

    /// Finds a library as the loader does: a name with a slash is a path.
    fn find(&self, name: &str, run_paths: &[String], by: &str) -> Result<(String, PathBuf), Error> {
        let origin = by.rsplit_once('/').map_or("", |(directory, _)| directory);
        let run_paths =
            run_paths.iter().map(|path| path.replace("$ORIGIN", origin).replace("${ORIGIN}", origin));
        let searched: Vec<String> = if name.contains('/') {
            vec![name.to_owned()]
        } else {
            let directories = run_paths.chain(LIBRARY_DIRECTORIES.iter().map(|path| (*path).to_owned()));
            directories.map(|directory| format!("{directory}/{name}")).collect()
        };
        let found = searched.iter().find_map(|path| Some((path.clone(), self.resolve(path)?)));
        found.ok_or_else(|| Error::NotInSysroot {
            what: name.to_owned(),
            by: by.to_owned(),
            sysroot: self.root.clone(),
            searched: searched.join(", "),
        })
    }

    /// Resolves a path in the sysroot, following symbolic links as if the sysroot were /.
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        let mut resolved = self.root.clone();
        let mut depth = 0_usize;
        let mut pending = parts(Path::new(path));
        let mut links = 0;
        while let Some(part) = pending.pop() {
            if part == ".." {
                if depth > 0 {
                    resolved.pop();
                    depth -= 1;
                }
                continue;
            }
            let next = resolved.join(&part);
            match std::fs::read_link(&next) {
                Ok(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    if target.is_absolute() {
                        resolved.clone_from(&self.root);
                        depth = 0;
                    }
                    pending.extend(parts(&target));
                }
                Err(_) => {
                    next.symlink_metadata().ok()?;
                    resolved = next;
                    depth += 1;
                }
            }
        }
        Some(resolved)
    }
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<String> {
    let part = |component: Component<'_>| match component {
        Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        Component::ParentDir => Some("..".to_owned()),
        _ => None,
    };
    let mut parts: Vec<String> = path.components().filter_map(part).collect();
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_dynamic_program_has_its_loader_and_libraries() {
        let bytes = std::fs::read("/bin/ls").unwrap();
        let needs = Needs::of(&bytes, "/bin/ls").unwrap().unwrap();
        assert!(!needs.is_empty());
        let interpreter = needs.interpreter.clone().unwrap();
        let mut sysroot = Sysroot::at("/");
        let libraries = sysroot.libraries(needs.clone(), "/bin/ls").unwrap();
        assert!(libraries.iter().any(|library| library.path == interpreter));
        for library in &libraries {
            let Some(needs) = Needs::of(&library.bytes, &library.path).unwrap() else { continue };
            for name in &needs.libraries {
                assert!(
                    libraries.iter().any(|library| library.path.ends_with(&format!("/{name}"))),
                    "{name}"
                );
            }
        }
        assert!(sysroot.libraries(needs, "/bin/ls").unwrap().is_empty(), "nothing is returned twice");
    }

    #[test]
    fn a_missing_library_is_named_with_the_object_that_needs_it_and_the_searched_paths() {
        let empty = tempfile::tempdir().unwrap();
        let needs = Needs {
            libraries: vec!["libmissing.so.1".to_owned()],
            run_paths: vec!["$ORIGIN/private".to_owned()],
            ..Needs::default()
        };
        let error = Sysroot::at(empty.path()).libraries(needs, "/usr/bin/thing").unwrap_err().to_string();
        for part in [
            "libmissing.so.1",
            "/usr/bin/thing",
            "/usr/bin/private/libmissing.so.1",
            "/lib64/libmissing.so.1",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn an_elf_file_truncated_at_any_byte_causes_no_panic() {
        let bytes = std::fs::read("/bin/true").unwrap();
        assert!(matches!(Needs::of(&bytes[..100], "true"), Err(Error::Elf { .. })));
        for end in (0..bytes.len()).step_by(61) {
            let _ = Needs::of(&bytes[..end], "true");
        }
        assert_eq!(Needs::of(b"#!/bin/sh\n", "script").unwrap(), None);
    }

    #[test]
    fn links_never_lead_out_of_the_sysroot() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        std::fs::create_dir_all(at("usr/lib")).unwrap();
        std::fs::write(at("usr/lib/real"), "").unwrap();
        symlink("usr/lib", at("lib")).unwrap();
        symlink("/lib/real", at("usr/lib/absolute")).unwrap();
        symlink("../../../../usr/lib/real", at("usr/lib/relative")).unwrap();
        symlink("loop", at("usr/lib/loop")).unwrap();
        let sysroot = Sysroot::at(directory.path());
        assert_eq!(sysroot.resolve("/lib/absolute"), Some(at("usr/lib/real")));
        assert_eq!(sysroot.resolve("/lib/relative"), Some(at("usr/lib/real")));
        assert_eq!(sysroot.resolve("/lib/loop"), None);
        assert_eq!(sysroot.locate("/lib/absolute").unwrap(), at("usr/lib/absolute"));
        assert!(matches!(sysroot.locate("/etc/passwd"), Err(Error::NotInSysroot { .. })));
    }
}
