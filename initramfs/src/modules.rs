// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernel modules of an unpacked kernel package, with their dependencies, and the indexes that modprobe reads.
//!
//! `depmod` need not have run on the package: each `.ko` lists in its `.modinfo` section its dependencies and the hardware
//! that it is for. The indexes have the text format of depmod (kmod 30, `tools/depmod.c`).

use crate::blobs::Blobs;
use crate::{Error, ImageBuilder};
use goblin::elf::Elf;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The modules of one kernel, and the choice for the image.
#[derive(Debug)]
pub struct Modules {
    version: String,
    directory: PathBuf,
    paths: BTreeMap<String, String>,
    builtin_list: String,
    builtin: BTreeSet<String>,
    chosen: BTreeMap<String, Module>,
}

#[derive(Debug)]
struct Module {
    bytes: Vec<u8>,
    info: Info,
}

/// A module's `.modinfo`. Names have underscores, as in the kernel.
#[derive(Debug, Default, PartialEq, Eq)]
struct Info {
    depends: Vec<String>,
    aliases: Vec<String>,
    soft: Vec<String>,
    firmware: Vec<String>,
}

impl Modules {
    /// Lists the modules of a directory that has one kernel's modules in `lib/modules/VERSION`.
    pub fn open(kernel: &Path) -> Result<Modules, Error> {
        let wrong = |problem| Error::Kernel { path: kernel.to_owned(), problem };
        let parent = kernel.join("lib/modules");
        let mut versions = names(&parent)?;
        let version = versions.pop().ok_or_else(|| wrong("lib/modules is empty"))?;
        if !versions.is_empty() {
            return Err(wrong("lib/modules has more than one version"));
        }
        let directory = parent.join(&version);
        let mut paths = BTreeMap::new();
        find_modules(&directory, "kernel", &mut paths)?;
        if paths.is_empty() {
            return Err(wrong("there is no file that ends in .ko (compressed modules are not supported)"));
        }
        let file = directory.join("modules.builtin");
        let builtin_list = std::fs::read_to_string(&file).map_err(Error::io("reading", file))?;
        let builtin = builtin_list.lines().filter_map(module_name).collect();
        Ok(Modules { version, directory, paths, builtin_list, builtin, chosen: BTreeMap::new() })
    }

    /// Chooses a module with its dependencies, and with those of its `pre:` soft dependencies that this kernel has. A module
    /// that is built into the kernel needs nothing.
    pub fn choose(&mut self, name: &str) -> Result<(), Error> {
        let mut pending = vec![(underscored(name), None)];
        while let Some((name, by)) = pending.pop() {
            if self.chosen.contains_key(&name) || self.builtin.contains(&name) {
                continue;
            }
            let Some(path) = self.paths.get(&name) else {
                return Err(Error::NoModule { version: self.version.clone(), name, by });
            };
            let file = self.directory.join(path);
            let bytes = std::fs::read(&file).map_err(Error::io("reading", file))?;
            let info = Info::parse(&bytes, path)?;
            let soft = info.soft_before().filter(|soft| self.paths.contains_key(soft));
            pending.extend(info.depends.iter().cloned().chain(soft).map(|need| (need, Some(name.clone()))));
            self.chosen.insert(name, Module { bytes, info });
        }
        Ok(())
    }

    /// Adds the chosen modules to an image, the indexes `modules.dep`, `.alias`, `.softdep` and `.builtin`, and the blobs that
    /// the modules' drivers load into their devices.
    pub fn add_to(&self, image: &mut ImageBuilder, blobs: &Blobs) -> Result<(), Error> {
        let directory = format!("lib/modules/{}", self.version);
        for (name, module) in &self.chosen {
            image.file(&format!("{directory}/{}", self.path(name)), 0o644, &*module.bytes)?;
        }
        let indexes = [
            ("modules.alias", self.aliases()),
            ("modules.builtin", self.builtin_list.clone()),
            ("modules.dep", self.dependencies()),
            ("modules.softdep", self.soft_dependencies()),
        ];
        for (name, text) in indexes {
            image.file(&format!("{directory}/{name}"), 0o644, text)?;
        }
        let mut added = BTreeSet::new();
        for (name, module) in &self.chosen {
            for blob in &module.info.firmware {
                for (path, bytes) in blobs.of(blob, name)? {
                    if added.insert(path.clone()) {
                        image.file(&format!("lib/firmware/{path}"), 0o644, bytes)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Each module with all its dependencies, to be loaded from right to left.
    fn dependencies(&self) -> String {
        let mut lines = String::new();
        for name in self.chosen.keys() {
            let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
            self.load_order(name, &mut seen, &mut order);
            let _ = write!(lines, "{}:", self.path(name));
            for need in order.iter().rev().skip(1) {
                let _ = write!(lines, " {}", self.path(need));
            }
            lines.push('\n');
        }
        lines
    }

    /// Appends a module after its dependencies.
    fn load_order<'a>(&'a self, name: &'a str, seen: &mut BTreeSet<&'a str>, order: &mut Vec<&'a str>) {
        if let Some(module) = self.chosen.get(name)
            && seen.insert(name)
        {
            for need in &module.info.depends {
                self.load_order(need, seen, order);
            }
            order.push(name);
        }
    }

    fn aliases(&self) -> String {
        self.lines(
            "# Aliases extracted from modules themselves.",
            |info| &info.aliases,
            |alias, name| format!("alias {alias} {name}"),
        )
    }

    fn soft_dependencies(&self) -> String {
        self.lines(
            "# Soft dependencies extracted from modules themselves.",
            |info| &info.soft,
            |soft, name| format!("softdep {name} {soft}"),
        )
    }

    fn lines(&self, title: &str, field: fn(&Info) -> &Vec<String>, line: fn(&str, &str) -> String) -> String {
        let modules = self.chosen.iter();
        let lines = modules
            .flat_map(|(name, module)| field(&module.info).iter().map(move |value| line(value, name) + "\n"));
        std::iter::once(format!("{title}\n")).chain(lines).collect()
    }

    fn path(&self, name: &str) -> &str {
        self.paths.get(name).map_or("", String::as_str)
    }
}

impl Info {
    /// Reads the `.modinfo` section: `key=value` strings, each ended by NUL (include/linux/moduleparam.h).
    fn parse(bytes: &[u8], object: &str) -> Result<Info, Error> {
        let elf = Elf::parse(bytes).map_err(|source| Error::Elf { object: object.to_owned(), source })?;
        let section = elf
            .section_headers
            .iter()
            .find(|section| elf.shdr_strtab.get_at(section.sh_name) == Some(".modinfo"));
        let range = section.and_then(goblin::elf::SectionHeader::file_range).unwrap_or_default();
        let text = bytes.get(range).unwrap_or_default();
        let mut info = Info::default();
        for line in text.split(|byte| *byte == 0) {
            match String::from_utf8_lossy(line).split_once('=') {
                Some(("depends", names)) => {
                    let names = names.split(',').filter(|name| !name.is_empty());
                    info.depends = names.map(underscored).collect();
                }
                Some(("alias", alias)) => info.aliases.push(alias.to_owned()),
                Some(("softdep", soft)) => info.soft.push(soft.to_owned()),
                Some(("firmware", blob)) => info.firmware.push(blob.to_owned()),
                _ => {}
            }
        }
        Ok(info)
    }

    /// The modules that should be loaded before (modprobe.d(5), `softdep`: "pre: a b post: c").
    fn soft_before(&self) -> impl Iterator<Item = String> {
        self.soft.iter().flat_map(|soft| {
            let mut before = false;
            soft.split_whitespace().filter_map(move |word| {
                if word.ends_with(':') {
                    before = word == "pre:";
                    return None;
                }
                before.then(|| underscored(word))
            })
        })
    }
}

/// Collects the modules under `relative`, a path in `directory`, by name.
fn find_modules(directory: &Path, relative: &str, paths: &mut BTreeMap<String, String>) -> Result<(), Error> {
    for name in names(&directory.join(relative))? {
        let path = format!("{relative}/{name}");
        if directory.join(&path).is_dir() {
            find_modules(directory, &path, paths)?;
        } else if let Some(name) = module_name(&path) {
            paths.insert(name, path);
        }
    }
    Ok(())
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Result<Vec<String>, Error> {
    let entries = std::fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(Error::io("reading directory", directory))?;
    let utf8 =
        |entry: &std::fs::DirEntry| entry.file_name().into_string().map_err(|_| Error::NotUtf8(entry.path()));
    let mut names: Vec<String> = entries.iter().map(utf8).collect::<Result<_, _>>()?;
    names.sort();
    Ok(names)
}

/// The module's name, if the path is that of a module.
fn module_name(path: &str) -> Option<String> {
    Some(underscored(path.rsplit('/').next()?.strip_suffix(".ko")?))
}

fn underscored(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Compression;

    /// A relocatable ELF file with nothing but a `.modinfo` section.
    fn module(modinfo: &str) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let (text, sections) = (64 + names.len(), 64 + names.len() + modinfo.len());
        let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        elf.extend([1, 0, 62, 0, 1, 0, 0, 0]);
        elf.extend([[0; 8], [0; 8], (sections as u64).to_le_bytes()].concat());
        elf.extend([0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 64, 0, 3, 0, 2, 0]);
        elf.extend(names);
        elf.extend(modinfo.as_bytes());
        elf.extend([0; 64]);
        for (name, kind, offset, size) in [(1_u32, 1_u32, text, modinfo.len()), (10, 3, 64, names.len())] {
            elf.extend([name.to_le_bytes(), kind.to_le_bytes()].concat());
            for field in [0, 0, offset as u64, size as u64, 0, 1, 0] {
                elf.extend(field.to_le_bytes());
            }
        }
        elf
    }

    fn kernel(modules: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let version = directory.path().join("lib/modules/6.1.0");
        std::fs::create_dir_all(&version).unwrap();
        for (path, modinfo) in modules {
            let file = version.join("kernel").join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, module(modinfo)).unwrap();
        }
        std::fs::write(version.join("modules.builtin"), "kernel/fs/built-in.ko\n").unwrap();
        directory
    }

    fn index(modules: &Modules, name: &str) -> String {
        let mut image = ImageBuilder::new("test");
        modules.add_to(&mut image, &Blobs::default()).unwrap();
        let members = crate::members(&image.to_bytes(Compression::None).unwrap()).unwrap();
        let member = members.into_iter().find(|member| member.path.ends_with(name)).unwrap();
        String::from_utf8(member.content).unwrap()
    }

    #[test]
    fn dependencies_are_listed_nearest_first_and_once() {
        let kernel = kernel(&[
            ("net/top.ko", "license=GPL\0depends=mid-b,mid_a\0alias=pci:v00001AF4d*\0alias=top\0"),
            ("net/mid_a.ko", "depends=base\0"),
            ("net/mid-b.ko", "depends=base,mid_a\0softdep=pre: helper absent post: after\0"),
            ("lib/base.ko", "depends=\0"),
            ("lib/helper.ko", "depends=\0"),
            ("lib/after.ko", "depends=\0"),
        ]);
        let mut modules = Modules::open(kernel.path()).unwrap();
        modules.choose("top").unwrap();
        assert_eq!(
            index(&modules, "modules.dep"),
            "kernel/lib/base.ko:\n\
             kernel/lib/helper.ko:\n\
             kernel/net/mid_a.ko: kernel/lib/base.ko\n\
             kernel/net/mid-b.ko: kernel/net/mid_a.ko kernel/lib/base.ko\n\
             kernel/net/top.ko: kernel/net/mid-b.ko kernel/net/mid_a.ko kernel/lib/base.ko\n"
        );
        let aliases = index(&modules, "modules.alias");
        assert!(aliases.ends_with("alias pci:v00001AF4d* top\nalias top top\n"), "{aliases}");
        let soft = index(&modules, "modules.softdep");
        assert!(soft.ends_with("softdep mid_b pre: helper absent post: after\n"), "{soft}");
        assert_eq!(index(&modules, "modules.builtin"), "kernel/fs/built-in.ko\n");
    }

    #[test]
    fn the_blobs_of_a_module_and_of_its_dependencies_are_taken_once() {
        let kernel = kernel(&[
            ("top.ko", "firmware=nic/one.fw\0firmware=nic/rare.fw\0depends=base\0"),
            ("base.ko", "firmware=nic/one.fw\0depends=\0"),
            ("other.ko", "firmware=nic/absent.fw\0depends=\0"),
        ]);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("nic")).unwrap();
        std::fs::write(folder.path().join("nic/one.fw"), "blob").unwrap();
        let mut blobs = Blobs::default();
        blobs.take_from(folder.path().to_owned()).unwrap();
        let mut modules = Modules::open(kernel.path()).unwrap();
        modules.choose("top").unwrap();
        let error = modules.add_to(&mut ImageBuilder::new("test"), &blobs).unwrap_err().to_string();
        assert!(error.starts_with("module top needs the blob nic/rare.fw"), "{error}");
        blobs.optional(&["nic/rare*"]);
        let mut image = ImageBuilder::new("test");
        modules.add_to(&mut image, &blobs).unwrap();
        let members = crate::members(&image.to_bytes(Compression::None).unwrap()).unwrap();
        let blobs: Vec<&str> = members
            .iter()
            .filter(|member| member.path.ends_with(".fw"))
            .map(|member| {
                assert_eq!(member.content, b"blob");
                &*member.path
            })
            .collect();
        assert_eq!(blobs, ["usr/lib/firmware/nic/one.fw"]);
    }

    #[test]
    fn a_built_in_module_needs_no_file_and_an_unknown_one_is_named_with_its_user() {
        let kernel = kernel(&[("a.ko", "depends=gone\0"), ("b.ko", "depends=built_in\0")]);
        let mut modules = Modules::open(kernel.path()).unwrap();
        modules.choose("built-in").unwrap();
        modules.choose("b").unwrap();
        assert_eq!(modules.chosen.len(), 1);
        assert_eq!(
            modules.choose("a").unwrap_err().to_string(),
            "kernel 6.1.0 has no module gone, which a depends on"
        );
        assert_eq!(modules.choose("nope").unwrap_err().to_string(), "kernel 6.1.0 has no module nope");
    }

    #[test]
    fn modules_in_a_circle_end() {
        let kernel = kernel(&[("a.ko", "depends=b\0"), ("b.ko", "depends=a\0")]);
        let mut modules = Modules::open(kernel.path()).unwrap();
        modules.choose("a").unwrap();
        assert_eq!(index(&modules, "modules.dep"), "kernel/a.ko: kernel/b.ko\nkernel/b.ko: kernel/a.ko\n");
    }

    #[test]
    fn a_truncated_module_is_refused() {
        let kernel = kernel(&[("a.ko", "depends=\0")]);
        let file = kernel.path().join("lib/modules/6.1.0/kernel/a.ko");
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() - 32]).unwrap();
        let mut modules = Modules::open(kernel.path()).unwrap();
        assert!(matches!(modules.choose("a"), Err(Error::Elf { object, .. }) if object == "kernel/a.ko"));
    }

    #[test]
    fn a_directory_that_is_not_a_kernel_package_is_refused() {
        let kernel = kernel(&[]);
        assert!(matches!(Modules::open(kernel.path()), Err(Error::Io { .. })));
        std::fs::create_dir(kernel.path().join("lib/modules/6.1.0/kernel")).unwrap();
        assert!(matches!(Modules::open(kernel.path()), Err(Error::Kernel { .. })));
    }
}
