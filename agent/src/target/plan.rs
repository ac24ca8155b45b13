// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a profile to a list of downloads. Pure.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use stage1_contract::{Artifact, Profile};

use crate::display::size;
use crate::inventory::Url;

/// What to download and load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// A kernel and its initrds.
    Kernel {
        /// The profile's name.
        profile: String,
        /// The kernel file, a bzImage.
        kernel: Fetch,
        /// The initrds, in the order in which they are concatenated.
        initrds: Vec<Fetch>,
        /// The target kernel's command line.
        append: String,
    },
    /// A unified kernel image.
    Uki {
        /// The profile's name.
        profile: String,
        /// The image file, with kernel, initrd and command line in sections.
        uki: Fetch,
        /// The target kernel's command line; if empty, the image's own is used.
        append: String,
    },
}

/// A file to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Where it is, tried in turn.
    pub urls: Vec<Url>,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// Size in bytes.
    pub size: u64,
}

impl Plan {
    /// Checks a profile that came from `base`.
    ///
    /// # Errors
    /// The first invalid or missing field.
    pub fn new(profile: &Profile, base: &str) -> Result<Self> {
        let name = &profile.name;
        let append = one_line(&profile.append).with_context(|| format!("profile {name:?}"))?.to_string();
        let fetch = |field: &str, artifact: &Artifact| {
            Fetch::new(artifact, base).with_context(|| format!("profile {name:?}: {field}"))
        };
        match (&profile.kernel, &profile.uki) {
            (None, None) => bail!("profile {name:?} has neither a kernel nor a uki"),
            (Some(_), Some(_)) => {
                bail!("profile {name:?} has both a kernel and a uki: only one of them is allowed")
            }
            (None, Some(uki)) => {
                if !profile.initrds.is_empty() {
                    bail!("profile {name:?} has initrds in addition to a uki, which contains its own");
                }
                Ok(Self::Uki { profile: name.clone(), uki: fetch("uki", uki)?, append })
            }
            (Some(kernel), None) => {
                let initrds = profile.initrds.iter().enumerate();
                Ok(Self::Kernel {
                    profile: name.clone(),
                    kernel: fetch("kernel", kernel)?,
                    initrds: initrds
                        .map(|(i, initrd)| fetch(&format!("initrds[{i}]"), initrd))
                        .collect::<Result<_>>()?,
                    append,
                })
            }
        }
    }

    /// The profile's name.
    pub fn profile(&self) -> &str {
        match self {
            Self::Kernel { profile, .. } | Self::Uki { profile, .. } => profile,
        }
    }

    /// The target kernel's command line, as the profile has it.
    pub fn append(&self) -> &str {
        match self {
            Self::Kernel { append, .. } | Self::Uki { append, .. } => append,
        }
    }

    /// The file with the kernel, which is inside of a unified kernel image.
    pub(crate) fn kernel_file(&self) -> &Fetch {
        match self {
            Self::Kernel { kernel, .. } => kernel,
            Self::Uki { uki, .. } => uki,
        }
    }

    /// Total size of the download in bytes.
    pub fn bytes(&self) -> u64 {
        self.artifacts().iter().map(|artifact| artifact.size).fold(0, u64::saturating_add)
    }

    /// Bytes of memory the target needs until the jump: each artifact is held as a file, in the kernel's read buffer, and
    /// at its destination.
    pub fn memory_bytes(&self) -> u64 {
        self.bytes().saturating_mul(3)
    }

    /// The plan for people.
    pub fn text(&self) -> String {
        let mut text = format!("profile  {}\n", self.profile());
        let names = match self {
            Self::Kernel { .. } => ["kernel", "initrd"],
            Self::Uki { .. } => ["uki", "uki"],
        };
        for (i, artifact) in self.artifacts().into_iter().enumerate() {
            let _ =
                writeln!(text, "{:<9}{}, sha256 {}", names[i.min(1)], size(artifact.size), artifact.sha256);
            for url in &artifact.urls {
                let _ = writeln!(text, "         {url}");
            }
        }
        let _ = writeln!(text, "append   {}", self.append());
        text
    }

    /// The files, in the order in which they are loaded.
    pub(super) fn artifacts(&self) -> Vec<&Fetch> {
        match self {
            Self::Kernel { kernel, initrds, .. } => [kernel].into_iter().chain(initrds).collect(),
            Self::Uki { uki, .. } => vec![uki],
        }
    }
}

impl Fetch {
    fn new(artifact: &Artifact, base: &str) -> Result<Self> {
        if artifact.urls.is_empty() {
            bail!("no URL");
        }
        if artifact.size == 0 {
            bail!("size is 0 bytes");
        }
        let is_digest =
            artifact.sha256.len() == 64 && artifact.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_digest {
            bail!("{:?} is not a SHA-256 digest in hex", artifact.sha256);
        }
        let urls = artifact.urls.iter().enumerate();
        let urls = urls.map(|(i, url)| Url::new(base, url).with_context(|| format!("urls[{i}]")));
        Ok(Self {
            urls: urls.collect::<Result<_>>()?,
            sha256: artifact.sha256.to_lowercase(),
            size: artifact.size,
        })
    }
}

/// A command line without the line break at its end; a file has one.
///
/// # Errors
/// A line break in the middle, or another control character: the target would take it for a space, or not start.
pub(crate) fn one_line(append: &str) -> Result<&str> {
    let line = append.trim_end();
    if line.contains(char::is_control) {
        bail!("append is not one line: remove line breaks and other control characters");
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(size: u64) -> Artifact {
        Artifact { urls: vec!["/images/a".to_string()], sha256: "AB".repeat(32), size }
    }

    fn profile() -> Profile {
        Profile {
            version: 1,
            name: "p".to_string(),
            kernel: Some(artifact(10)),
            initrds: vec![artifact(20), artifact(30)],
            append: "quiet".to_string(),
            uki: None,
        }
    }

    #[test]
    fn a_valid_profile_is_a_plan_with_absolute_urls() {
        let plan = Plan::new(&profile(), "https://i/ipxe/x/profile").unwrap();
        assert_eq!(plan.memory_bytes(), 180);
        let Plan::Kernel { kernel, initrds, .. } = plan else { panic!("{plan:?}") };
        assert_eq!(kernel.urls, [Url::new("", "https://i/images/a").unwrap()]);
        assert_eq!(kernel.sha256, "ab".repeat(32));
        assert_eq!(initrds.len(), 2);
    }

    #[test]
    fn a_signature_in_a_url_is_not_printed() {
        let mut profile = profile();
        profile.initrds[0].urls = vec!["https://u:S3CRET@h/k?X-Amz-Signature=S3CRET".to_string()];
        let plan = Plan::new(&profile, "https://i/").unwrap();
        assert!(plan.text().contains("         https://h/k\n"), "{}", plan.text());
        assert!(!plan.text().contains("S3CRET") && !format!("{plan:?}").contains("S3CRET"));
    }

    #[test]
    fn an_invalid_field_is_named() {
        let fails = |change: fn(&mut Profile)| {
            let mut profile = profile();
            change(&mut profile);
            format!("{:#}", Plan::new(&profile, "https://i/").unwrap_err())
        };
        assert_eq!(fails(|p| p.kernel = None), "profile \"p\" has neither a kernel nor a uki");
        assert!(fails(|p| p.uki = Some(artifact(1))).contains("both a kernel and a uki"));
        assert_eq!(fails(|p| p.initrds[1].urls.clear()), "profile \"p\": initrds[1]: no URL");
        assert_eq!(
            fails(|p| p.initrds[0].urls[0] = "s3://b/k".to_string()),
            "profile \"p\": initrds[0]: urls[0]: s3://b/k: its scheme is neither https nor http"
        );
        assert!(
            fails(|p| p.initrds[0].sha256 = "xyz".to_string())
                .contains("initrds[0]: \"xyz\" is not a SHA-256")
        );
        assert_eq!(fails(|p| p.kernel = Some(artifact(0))), "profile \"p\": kernel: size is 0 bytes");
        assert!(
            fails(|p| p.append = "quiet\nro".to_string())
                .starts_with("profile \"p\": append is not one line")
        );
    }

    #[test]
    fn the_line_break_at_the_end_of_a_command_line_is_not_part_of_it() {
        let profile = Profile { append: "quiet ro\n".to_string(), ..profile() };
        assert_eq!(Plan::new(&profile, "https://i/").unwrap().append(), "quiet ro");
    }
}
