// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads an image back: concatenated cpio archives, each plain or compressed with zstd.

use crate::Error;
use cpio::newc::Reader;
use std::io::{Cursor, Read};

const NEWC_MAGIC: &[u8] = b"070701";
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// One entry of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The path, without a leading slash.
    pub path: String,
    /// File type and permissions, as `st_mode`.
    pub mode: u32,
    /// A file's content, or a symbolic link's target.
    pub content: Vec<u8>,
}

/// All entries of an image in their order. Of a path that is in several archives the last one counts.
pub fn members(image: &[u8]) -> Result<Vec<Member>, Error> {
    let mut members = Vec::new();
    let mut rest = image;
    // The kernel skips zeros between archives (Documentation/driver-api/early-userspace/buffer-format.rst).
    while let Some(start) = rest.iter().position(|byte| *byte != 0) {
        rest = rest.get(start..).unwrap_or_default();
        let offset = image.len() - rest.len();
        let problem = |problem: String| Error::Image { offset, problem };
        if rest.starts_with(NEWC_MAGIC) {
            rest = archive(rest, &mut members).map_err(|error| problem(format!("cpio archive: {error}")))?;
        } else if rest.starts_with(ZSTD_MAGIC) {
            let mut unpacked = Vec::new();
            zstd::Decoder::with_buffer(&mut rest)
                .and_then(|decoder| decoder.single_frame().read_to_end(&mut unpacked))
                .map_err(|error| problem(format!("zstd frame: {error}")))?;
            archive(&unpacked, &mut members)
                .map_err(|error| problem(format!("cpio archive in a zstd frame: {error}")))?;
        } else {
            return Err(problem("neither a newc cpio archive nor a zstd frame".to_owned()));
        }
    }
    Ok(members)
}

/// Reads one archive, and returns what follows its trailer.
fn archive<'a>(bytes: &'a [u8], members: &mut Vec<Member>) -> std::io::Result<&'a [u8]> {
    let mut cursor = Cursor::new(bytes);
    loop {
        let mut reader = Reader::new(cursor)?;
        if reader.entry().is_trailer() {
            cursor = reader.finish()?;
            return Ok(bytes.get(cursor.position() as usize..).unwrap_or_default());
        }
        let (path, mode, size) =
            (reader.entry().name().to_owned(), reader.entry().mode(), reader.entry().file_size());
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        if content.len() != size as usize {
            return Err(std::io::Error::other(format!("{path} is truncated")));
        }
        members.push(Member { path, mode, content });
        cursor = reader.finish()?;
    }
}
