// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the processor ID means, which depends on the family (DSP0134 7.5.3; dmidecode: dmi_processor_id). Pure.

/// How the 8 bytes are laid out.
enum Layout {
    I386,
    I486,
    Intel,
    Amd,
    Midr,
    SocId,
    LoongArch,
}

/// Versions by which an Intel processor is recognised whose family is `Other` or `Unknown`.
const INTEL: &[&str] =
    &["Pentium III MMX", "Intel(R) Core(TM)2", "Intel(R) Pentium(R)", "Genuine Intel(R) CPU U1400"];

/// Versions by which an AMD processor is recognised whose family is `Other` or `Unknown`.
const AMD: &[&str] = &["AMD Athlon(TM)", "AMD Opteron(tm)", "Dual-Core AMD Opteron(tm)"];

/// The ID decoded, as dmidecode prints it; `None` where the family has none that is defined.
pub(super) fn signature(
    family: u16,
    id: &[u8; 8],
    characteristics: Option<u16>,
    version: Option<&str>,
) -> Option<String> {
    let [a, b, c, d, e, f, g, h] = *id;
    let low = u32::from_le_bytes([a, b, c, d]);
    let nibble = |shift: u32| low >> shift & 0xf;
    Some(match layout(family, low, characteristics, version)? {
        Layout::I386 => format!(
            "Type {}, Family {}, Major Stepping {}, Minor Stepping {}",
            nibble(12),
            nibble(8),
            nibble(4),
            nibble(0)
        ),
        Layout::I486 => format!(
            "Type {}, Family {}, Model {}, Stepping {}",
            low >> 12 & 3,
            nibble(8),
            nibble(4),
            nibble(0)
        ),
        // Intel AP-485, table 2-4.
        Layout::Intel => format!(
            "Type {}, Family {}, Model {}, Stepping {}",
            low >> 12 & 3,
            (low >> 20 & 0xff) + nibble(8),
            (low >> 12 & 0xf0) + nibble(4),
            nibble(0)
        ),
        // AMD publication 25481: what is extended counts where the base family is 15.
        Layout::Amd => {
            let extended = if nibble(8) == 15 { low } else { 0 };
            format!(
                "Family {}, Model {}, Stepping {}",
                nibble(8) + (extended >> 20 & 0xff),
                nibble(4) | extended >> 12 & 0xf0,
                nibble(0)
            )
        }
        Layout::Midr if low == 0 => return None,
        Layout::Midr => format!(
            "Implementor 0x{:02x}, Variant 0x{:x}, Architecture {}, Part 0x{:03x}, Revision {}",
            low >> 24,
            nibble(20),
            nibble(16),
            low >> 4 & 0xfff,
            nibble(0)
        ),
        // Arm SMCCC 1.3, SMCCC_ARCH_SOC_ID.
        Layout::SocId => format!(
            "JEP-106 Bank 0x{:02x} Manufacturer 0x{:02x}, SoC ID 0x{:04x}, SoC Revision 0x{:08x}",
            d & 0x7f,
            c & 0x7f,
            low & 0xffff,
            u32::from_le_bytes([e, f, g, h])
        ),
        Layout::LoongArch => format!("Processor Identity 0x{low:08x}"),
    })
}

fn layout(family: u16, low: u32, characteristics: Option<u16>, version: Option<&str>) -> Option<Layout> {
    let starts = |names: &[&str]| version.is_some_and(|text| names.iter().any(|name| text.starts_with(name)));
    Some(match family {
        0x01 | 0x02 if starts(INTEL) => Layout::Intel,
        0x01 | 0x02 if starts(AMD) => Layout::Amd,
        0x05 => Layout::I386,
        // Late 486 processors have CPUID.
        0x06 => {
            let (family, model, stepping) = (low & 0xf00, low & 0xf0, low & 0xf);
            let cpuid = family == 0x400 && (model == 0x40 || model >= 0x70) && stepping >= 3;
            if cpuid { Layout::Intel } else { Layout::I486 }
        }
        0x100..=0x102 | 0x118..=0x119 => match characteristics {
            Some(bits) if bits & 1 << 9 != 0 => Layout::SocId,
            _ => Layout::Midr,
        },
        0x0b..=0x15
        | 0x28..=0x2f
        | 0xa1..=0xb3
        | 0xb5
        | 0xb9..=0xc7
        | 0xcd..=0xd0
        | 0xd2..=0xdb
        | 0xdd..=0xe0 => Layout::Intel,
        0x300..=0x307 => Layout::Intel,
        0x18..=0x1d
        | 0x1f
        | 0x38..=0x3f
        | 0x46..=0x4f
        | 0x66..=0x6b
        | 0x83..=0x8f
        | 0xb6..=0xb7
        | 0xe4..=0xef => Layout::Amd,
        0x258..=0x262 | 0x26c..=0x271 => Layout::LoongArch,
        _ => return None,
    })
}
