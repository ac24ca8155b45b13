// SPDX-License-Identifier: MIT OR Apache-2.0
//! One archive of an initramfs: collected in memory, written as newc cpio.

use crate::Error;
use cpio::newc::{Builder, ModeFileType, trailer};
use ring::digest::{SHA256, digest};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};
use zstd::zstd_safe::CParameter;

/// The directory of the lists of digests: `/etc/stage1/contents.d/NAME.sha256`.
pub const CONTENTS: &str = "etc/stage1/contents.d";

/// Directories that are links to those of the same name in /usr.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: fastest to unpack, for images that are not transferred.
    None,
    /// One zstd frame with a checksum, and a window of 8 MiB (the kernel allows 128 MiB).
    Zstd,
}

/// The two kinds of device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A character device.
    Character,
    /// A block device.
    Block,
}

/// Collects the entries of an archive.
///
/// Paths are absolute, with or without the leading slash. The image's /usr is merged: entries under /bin, /sbin, /lib or
/// /lib64 go to the directory of that name in /usr. Parent directories (mode 0755, owner root like everything) are added
/// automatically.
#[derive(Debug)]
pub struct ImageBuilder {
    name: String,
    source: String,
    entries: BTreeMap<String, Entry>,
    volatile: BTreeSet<String>,
}

#[derive(Debug)]
struct Entry {
    content: Content,
    permissions: u32,
    source: String,
    /// Another statement for this directory counts instead.
    yields: bool,
}

#[derive(Debug)]
enum Content {
    Directory,
    File(Vec<u8>),
    Link(String),
    Node(NodeKind, u32, u32),
}

impl ImageBuilder {
    /// An empty archive. `name` is the name of its list of digests, and must differ from those of other archives.
    pub fn new(name: impl Into<String>) -> ImageBuilder {
        let name = name.into();
        ImageBuilder { source: name.clone(), name, entries: BTreeMap::new(), volatile: BTreeSet::new() }
    }

    /// Sets the origin of the entries that follow, for messages: a line of a content list, for example.
    pub fn source(&mut self, source: impl Into<String>) -> &mut Self {
        self.source = source.into();
        self
    }

    /// Adds a directory: needed only if it is empty or has another mode than 0755.
    pub fn directory(&mut self, path: &str, mode: u32) -> Result<&mut Self, Error> {
        self.add(&merged_directory(path), mode, Content::Directory)
    }

    /// Adds a directory of mode 0755, unless there is a statement for it, before or after.
    pub(crate) fn empty_directory(&mut self, path: &str) -> Result<&mut Self, Error> {
        let path = normal(&merged_directory(path))?;
        if !matches!(self.entries.get(&path), Some(Entry { content: Content::Directory, .. })) {
            self.add(&path, 0o755, Content::Directory)?;
            self.entries.entry(path).and_modify(|entry| entry.yields = true);
        }
        Ok(self)
    }

    /// Adds a regular file.
    pub fn file(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Result<&mut Self, Error> {
        self.add(path, mode, Content::File(bytes.into()))
    }

    /// Adds a symbolic link. The target is not checked and need not exist.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<&mut Self, Error> {
        self.add(path, 0o777, Content::Link(target.to_owned()))
    }

    /// Adds a device node.
    pub fn node(
        &mut self,
        path: &str,
        kind: NodeKind,
        major: u32,
        minor: u32,
        mode: u32,
    ) -> Result<&mut Self, Error> {
        self.add(path, mode, Content::Node(kind, major, minor))
    }

    /// Excludes a regular file from the list of digests, because it changes at run time.
    pub fn volatile(&mut self, path: &str) -> Result<&mut Self, Error> {
        self.volatile.insert(normal(path)?);
        Ok(self)
    }

    /// The number of entries, without parent directories.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The archive's bytes, the same on every machine. The length is a multiple of 4, so that archives can be concatenated.
    ///
    /// The list of digests comes first, so that it is still there in a truncated image.
    pub fn to_bytes(&self, compression: Compression) -> Result<Vec<u8>, Error> {
        let contents = self.contents_path()?;
        let mut archive = Archive::default();
        // Without this the kernel leaves / with the mode of a new tmpfs, 1777.
        archive.directory(".", 0o755).map_err(Error::io("writing", "/"))?;
        self.write(&mut archive, &contents, &file(self.contents()?))?;
        for (path, entry) in &self.entries {
            self.write(&mut archive, path, entry)?;
        }
        // Writing to memory fails only for a mistake in the caller; there is no path to name.
        let bytes = trailer(archive.bytes).map_err(Error::io("ending", &*self.name))?;
        match compression {
            Compression::None => Ok(bytes),
            Compression::Zstd => compress(&bytes).map_err(Error::io("compressing", &*self.name)),
        }
    }

    fn add(&mut self, path: &str, mode: u32, content: Content) -> Result<&mut Self, Error> {
        let path = normal(path)?;
        let is_directory = matches!(content, Content::Directory);
        if let Some(first) = self.entries.get(&path).filter(|first| !(first.yields && is_directory)) {
            let (first, second) = (first.source.clone(), self.source.clone());
            return Err(Error::Duplicate { path, first, second });
        }
        if matches!(&content, Content::File(bytes) if u32::try_from(bytes.len()).is_err()) {
            return Err(Error::TooLarge(path));
        }
        let entry = Entry { content, permissions: mode & 0o7777, source: self.source.clone(), yields: false };
        self.entries.insert(path, entry);
        Ok(self)
    }

    /// Writes an entry after those of its parents that are not there yet.
    fn write(&self, archive: &mut Archive, path: &str, entry: &Entry) -> Result<(), Error> {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            match self.entries.get(parent) {
                Some(Entry { content: Content::Directory, permissions, .. }) => {
                    archive.directory(parent, *permissions)
                }
                Some(_) => {
                    let (path, parent) = (path.to_owned(), parent.to_owned());
                    return Err(Error::Parent { path, by: entry.source.clone(), parent });
                }
                None => archive.directory(parent, 0o755),
            }
            .map_err(Error::io("writing", parent))?;
        }
        archive.entry(path, entry).map_err(Error::io("writing", path))
    }

    fn contents_path(&self) -> Result<String, Error> {
        let plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(Error::Name(self.name.clone()));
        }
        Ok(format!("{CONTENTS}/{}.sha256", self.name))
    }

    /// The digests of the regular files, as `sha256sum --check` in / reads them.
    fn contents(&self) -> Result<String, Error> {
        let mut lines = String::new();
        let mut volatile = self.volatile.clone();
        for (path, entry) in &self.entries {
            if let Content::File(bytes) = &entry.content
                && !volatile.remove(path)
            {
                for byte in digest(&SHA256, bytes).as_ref() {
                    let _ = write!(lines, "{byte:02x}");
                }
                let _ = writeln!(lines, "  {path}");
            }
        }
        match volatile.pop_first() {
            Some(path) => Err(Error::Volatile(path)),
            None => Ok(lines),
        }
    }
}

/// An archive being written.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    directories: BTreeSet<String>,
}

impl Archive {
    fn directory(&mut self, path: &str, permissions: u32) -> io::Result<()> {
        if self.directories.insert(path.to_owned()) {
            self.append(self.header(path, permissions).set_mode_file_type(ModeFileType::Directory), &[])?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &str, entry: &Entry) -> io::Result<()> {
        let header = self.header(path, entry.permissions);
        match &entry.content {
            Content::Directory => self.directory(path, entry.permissions),
            Content::File(bytes) => self.append(header.set_mode_file_type(ModeFileType::Regular), bytes),
            Content::Link(target) => {
                self.append(header.set_mode_file_type(ModeFileType::Symlink), target.as_bytes())
            }
            Content::Node(kind, major, minor) => {
                let kind = match kind {
                    NodeKind::Character => ModeFileType::Char,
                    NodeKind::Block => ModeFileType::Block,
                };
                self.append(header.set_mode_file_type(kind).rdev_major(*major).rdev_minor(*minor), &[])
            }
        }
    }

    fn header(&self, path: &str, permissions: u32) -> Builder {
        Builder::new(path).ino(self.entries + 1).mode(permissions)
    }

    fn append(&mut self, header: Builder, content: &[u8]) -> io::Result<()> {
        self.entries += 1;
        let size = u32::try_from(content.len()).map_err(io::Error::other)?;
        let mut writer = header.write(&mut self.bytes, size);
        writer.write_all(content)?;
        writer.finish().map(drop)
    }
}

fn file(text: String) -> Entry {
    let content = Content::File(text.into_bytes());
    Entry { content, permissions: 0o644, source: String::new(), yields: false }
}

/// A path in the archive's form: no leading slash, nothing to resolve, /usr merged.
fn normal(path: &str) -> Result<String, Error> {
    let plain = path.strip_prefix('/').unwrap_or(path);
    let special = |part: &str| part.is_empty() || part == "." || part == "..";
    if plain.split('/').any(special) || plain.contains(['\n', '\\', '\0']) {
        return Err(Error::Path(path.to_owned()));
    }
    // The entry that ends a cpio archive.
    if plain == "TRAILER!!!" {
        return Err(Error::Path(path.to_owned()));
    }
    let is_merged = plain.split_once('/').is_some_and(|(first, _)| MERGED.contains(&first));
    Ok(if is_merged { format!("usr/{plain}") } else { plain.to_owned() })
}

/// A directory's path, /usr merged: /bin itself may also be a link to it.
fn merged_directory(path: &str) -> String {
    let plain = path.strip_prefix('/').unwrap_or(path);
    if MERGED.contains(&plain) { format!("usr/{plain}") } else { path.to_owned() }
}

/// One zstd frame, whose length is a multiple of 4.
///
/// The result depends on the job size and not on how many workers there are or how fast they run.
fn compress(archive: &[u8]) -> io::Result<Vec<u8>> {
    const LEVEL: i32 = 12;
    const WORKERS: u32 = 4;
    const WINDOW_LOG: u32 = 23;
    const JOB_BYTES: u32 = 8 << 20;
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.multithread(WORKERS)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.set_parameter(CParameter::JobSize(JOB_BYTES))?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(archive.len() as u64))?;
    encoder.write_all(archive)?;
    let bytes = encoder.finish()?;
    let Some((header, blocks)) = bytes.split_at_checked(frame_header_length(&bytes)) else {
        return Ok(bytes);
    };
    let padding = EMPTY_BLOCK.repeat(bytes.len() % 4);
    Ok([header, &padding, blocks].concat())
}

/// A block without content that is not the last one (RFC 8878, section 3.1.1.2). So that a frame can be padded inside: as
/// many of its 3 bytes as the length exceeds a multiple of 4 make it the next one. Zeros after the frame would do for the
/// kernel, but `zstd --test` takes them for a damaged file.
const EMPTY_BLOCK: [u8; 3] = [0; 3];

/// The length of a zstd frame's header, with its magic number (RFC 8878, section 3.1.1.1).
fn frame_header_length(frame: &[u8]) -> usize {
    let descriptor = frame.get(4).copied().unwrap_or_default();
    let is_single_segment = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 => usize::from(is_single_segment),
        flag => 1 << flag,
    };
    5 + usize::from(!is_single_segment) + dictionary + content_size
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Member, members};
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

    fn find<'a>(members: &'a [Member], path: &str) -> &'a Member {
        members.iter().find(|member| member.path == path).unwrap()
    }

    #[test]
    fn the_digests_come_first_and_exclude_volatile_files() {
        let mut image = ImageBuilder::new("site");
        image.file("/etc/a", 0o644, "a\n").unwrap().file("/bin/b", 0o755, "").unwrap();
        image.file("/etc/machine-id", 0o644, "").unwrap().volatile("/etc/machine-id").unwrap();
        image.symlink("/bin", "usr/bin").unwrap();
        let members = members(&image.to_bytes(Compression::Zstd).unwrap()).unwrap();
        let paths: Vec<&str> = members.iter().map(|member| &*member.path).collect();
        assert_eq!(
            paths,
            [
                ".",
                "etc",
                "etc/stage1",
                "etc/stage1/contents.d",
                "etc/stage1/contents.d/site.sha256",
                "bin",
                "etc/a",
                "etc/machine-id",
                "usr",
                "usr/bin",
                "usr/bin/b"
            ]
        );
        // From `printf 'a\n' | sha256sum` and `sha256sum </dev/null`.
        assert_eq!(
            String::from_utf8_lossy(&find(&members, "etc/stage1/contents.d/site.sha256").content),
            "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7  etc/a\n\
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  usr/bin/b\n"
        );
    }

    #[test]
    fn archives_can_be_concatenated() {
        let mut first = ImageBuilder::new("first");
        first.file("a", 0o644, "first").unwrap();
        let mut second = ImageBuilder::new("second");
        second.file("a", 0o644, "second").unwrap();
        for compression in [Compression::None, Compression::Zstd] {
            let first = first.to_bytes(compression).unwrap();
            assert_eq!(first.len() % 4, 0);
            let image = [first, vec![0; 508], second.to_bytes(Compression::Zstd).unwrap()].concat();
            let members = members(&image).unwrap();
            let contents: Vec<&[u8]> =
                members.iter().filter(|member| member.path == "a").map(|member| &*member.content).collect();
            assert_eq!(contents, [b"first".as_slice(), b"second"]);
        }
    }

    #[test]
    fn names_and_paths_that_cannot_be_listed_are_refused() {
        for name in ["", "a/b", "a b"] {
            let result = ImageBuilder::new(name).to_bytes(Compression::None);
            assert!(matches!(result, Err(Error::Name(_))), "{name:?}");
        }
        for path in ["", "/", "//etc", "etc/", "a/../b", "./a", "a\nb", "a\\b", "/TRAILER!!!"] {
            assert!(matches!(ImageBuilder::new("x").file(path, 0, ""), Err(Error::Path(_))), "{path:?}");
        }
    }

    #[test]
    fn a_directory_has_one_entry() {
        let mut image = ImageBuilder::new("test");
        image.directory("/bin", 0o700).unwrap().file("/bin/x", 0o755, "").unwrap();
        image.symlink("/bin", "usr/bin").unwrap();
        image.empty_directory("/lib64").unwrap().empty_directory("/lib64").unwrap();
        image.empty_directory("/var").unwrap().directory("/var", 0o711).unwrap();
        image.directory("/opt", 0o700).unwrap().empty_directory("/opt").unwrap();
        let members = members(&image.to_bytes(Compression::None).unwrap()).unwrap();
        let modes: Vec<(u32, &str)> =
            members.iter().skip(5).map(|member| (member.mode, &*member.path)).collect();
        assert_eq!(
            modes,
            [
                (0o120_777, "bin"),
                (0o40700, "opt"),
                (0o40755, "usr"),
                (0o40700, "usr/bin"),
                (0o100_755, "usr/bin/x"),
                (0o40755, "usr/lib64"),
                (0o40711, "var"),
            ]
        );
        assert!(matches!(image.directory("/usr/bin", 0o755), Err(Error::Duplicate { .. })));
        assert!(matches!(image.file("/var", 0o644, ""), Err(Error::Duplicate { .. })));
    }

    /// The frame alone, without anything after it, as `zstd --test` reads it.
    #[test]
    fn a_compressed_archive_is_one_frame_of_any_size_with_padding_inside() {
        let mut paddings = BTreeSet::new();
        for size in (0..40).chain([200, 300, 65_000, 70_000, 200_000, 9 << 20]) {
            let noise = |index: u32| digest(&SHA256, &index.to_le_bytes()).as_ref().to_vec();
            let archive: Vec<u8> = (0..size / 64).flat_map(noise).chain(vec![7; size as usize / 2]).collect();
            let frame = compress(&archive).unwrap();
            assert_eq!(frame.len() % 4, 0);
            assert_eq!(zstd::decode_all(&*frame).unwrap(), archive);
            assert_eq!(zstd::zstd_safe::find_frame_compressed_size(&frame), Ok(frame.len()));
            let header = frame_header_length(&frame);
            paddings.insert(frame[header..].chunks(3).take_while(|block| **block == EMPTY_BLOCK).count());
        }
        assert_eq!(paddings, [0, 1, 2, 3].into(), "each amount of padding was seen");
    }

    proptest! {
        #[test]
        fn an_image_reads_back_and_does_not_depend_on_the_order_of_adding(
            files in proptest::collection::btree_map("[a-c]{1,3}(/[d-f]{4}){0,2}", any::<(Vec<u8>, u16)>(), 0..12),
        ) {
            let files: Vec<_> = files.into_iter().collect();
            let build = |files: &mut dyn Iterator<Item = &(String, (Vec<u8>, u16))>| {
                let mut image = ImageBuilder::new("test");
                for (path, (bytes, mode)) in files {
                    image.file(&format!("{path}/file"), u32::from(*mode), &**bytes).unwrap();
                }
                image
            };
            let image = build(&mut files.iter());
            let bytes = image.to_bytes(Compression::Zstd).unwrap();
            prop_assert_eq!(&bytes, &build(&mut files.iter().rev()).to_bytes(Compression::Zstd).unwrap());
            let read = members(&bytes).unwrap();
            prop_assert_eq!(&read, &members(&image.to_bytes(Compression::None).unwrap()).unwrap());
            for (path, (bytes, mode)) in &files {
                let member = find(&read, &format!("{path}/file"));
                prop_assert_eq!(member.mode, 0o100_000 | u32::from(*mode) & 0o7777);
                prop_assert_eq!(&member.content, bytes);
            }
            for (index, member) in read.iter().enumerate() {
                if let Some((parent, _)) = member.path.rsplit_once('/') {
                    prop_assert!(read.iter().take(index).any(|earlier| earlier.path == parent), "{}", member.path);
                }
            }
        }

        #[test]
        fn a_truncated_image_is_detected(compressed: bool, cut in (1_usize..400).prop_map(|cut| cut * 4)) {
            let mut image = ImageBuilder::new("test");
            let noise: Vec<u8> = (0..4000_u32).flat_map(|n| digest(&SHA256, &n.to_le_bytes()).as_ref().to_vec()).collect();
            image.file("noise", 0o644, noise).unwrap();
            let compression = if compressed { Compression::Zstd } else { Compression::None };
            let bytes = image.to_bytes(compression).unwrap();
            let short = &bytes[..bytes.len() - cut];
            prop_assert!(members(short).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, magic in 0..3) {
            let magic: &[u8] = [b"".as_slice(), b"070701", &[0x28, 0xb5, 0x2f, 0xfd]][magic as usize];
            let _ = members(&[magic, &bytes].concat());
        }
    }
}
