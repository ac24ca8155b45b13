// SPDX-License-Identifier: MIT OR Apache-2.0
use super::lint;

/// A set without errors; every test breaks a part of it.
const GOOD: &str = include_str!("good.toml");

/// 2027-01-01.
const NOW: u64 = 1_798_761_600;

/// The errors, with the names of the entries.
fn errors(text: &str) -> Vec<String> {
    let (_, findings) = lint(text, NOW);
    let errors = findings.into_iter().filter(|finding| finding.error);
    errors
        .map(|finding| format!("{}: {}", finding.entry.as_deref().unwrap_or("set"), finding.message))
        .collect()
}

/// The errors after `old` was replaced by `new`.
fn broken(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    let errors = errors(&GOOD.replacen(old, new, 1));
    assert!(!errors.is_empty(), "{old} -> {new}");
    errors.join("\n")
}

#[test]
fn a_good_set_has_no_errors() {
    let (set, findings) = lint(GOOD, NOW);
    assert_eq!(set.unwrap().entries.len(), 5);
    assert_eq!(errors(GOOD), Vec::<String>::new());
    let notes: Vec<_> = findings.iter().filter_map(|finding| finding.entry.as_deref()).collect();
    assert_eq!(notes, ["nic", "template"], "{findings:?}");
    let (_, findings) = lint(&GOOD.replace("2027-06-30", "9999-12-31"), NOW);
    assert!(
        findings.iter().any(|finding| !finding.error && finding.message.contains("far away")),
        "{findings:?}"
    );
}

#[test]
fn parse_errors_have_line_and_column() {
    for (old, new, message) in [
        ("may_lose_link = true", "may_loose_link = true", "unknown field `may_loose_link`"),
        ("format = \"triplet\"", "format = \"tripplet\"", "unknown variant `tripplet`"),
        ("15b3:101d", "15B3:101d", "four lower-case hexadecimal digits"),
        ("devlink:fw", "devlink:", "is not a source of versions"),
        ("schema = 1", "schema = 2", "schema 2"),
        ("2027-06-30", "2027-06-31", "is not a date"),
        ("serial = 7", "", "missing field `serial`"),
    ] {
        assert!(broken(old, new).contains(message), "{old} -> {new}");
    }
    assert!(broken("may_lose_link = true", "may_loose_link = true").contains("line "));
    assert_eq!(
        errors("schema = 1\nserial = 1\nexpires = \"2027-06-30\"\n"),
        ["set: the set has no [[entry]]"]
    );
}

#[test]
fn errors_of_one_entry() {
    for (old, new, message) in [
        ("name = \"nic\"", "name = \"n c\"", "n c: the name"),
        ("pci = [\"15b3:101d\"], ", "", "nic: match: pci is missing"),
        (
            "driver = \"mlx5_core\"",
            "product = \"X\"",
            "nic: match: it has a key that is only for component = \"bios\"",
        ),
        (
            "product = \"R640\"",
            "driver = \"X\", product = \"R640\"",
            "board: match: it has a key that is only for component = \"nic\"",
        ),
        ("product = \"R640\"", "", "board: match: product, board_name and esrt are missing"),
        ("ddc0ee61-e7f0", "DDC0EE61-e7f0", "capsule: match: esrt: "),
        (
            "want = \"22.39.2048\"",
            "want = \"22.39\"",
            "nic: version.want: \"22.39\" is not a version of the format triplet",
        ),
        ("min = \"22.30.1000\"", "min = \"22\"", "nic: from: \"22\" is not a version"),
        (
            "version = \"22.35.1012\"",
            "version = \"22.40.0\"",
            "nic: policy.via: the intermediate versions do not ascend",
        ),
        (
            "version = \"22.35.1012\"",
            "version = \"22.39.2048\"",
            "nic: policy.via: the intermediate versions do not ascend",
        ),
        ("version = \"22.35.1012\"", "version = \"x\"", "nic: policy.via: \"x\" is not a version"),
        (
            "update = \"exact\"",
            "update = \"upgrade-only\"",
            "plain: the format plain has no order: set policy.update",
        ),
        (
            "update = \"exact\"",
            "update = \"exact\", from = { min = \"U1\" }",
            "plain: the format plain has no order: remove policy.via",
        ),
        ("want = \"U31\", ", "", "plain: it has an image but no version.want"),
        ("size = 17", "size = 0", "nic: image: size is 0"),
        ("urls = [\"/images/nic\"]", "urls = []", "nic: image: urls is empty"),
        ("size = 18, sha256 = \"a", "size = 18, sha256 = \"A", "nic: 22.35.1012: sha256 is not a digest"),
        ("source = \"devlink:fw\"", "source = \"dmi\"", "nic: dmi is not a source of versions for this kind"),
        ("source = \"devlink:fw\"", "source = \"tool\"", "nic: the source tool needs method.exec.version"),
        ("source = \"dmi:release\"", "source = \"esrt\"", "board: the source esrt needs match.esrt"),
        (
            "method = { devlink = { component = \"fw\" } }",
            "method = \"capsule\"",
            "nic: method: capsule is only for",
        ),
        ("mtd = { partition = \"bios\" }", "devlink = {}", "board: method: devlink is only for"),
        ("read_back = true", "read_back = false", "board: safety: mtd needs read_back"),
        ("argv = [\"/opt/tool\"", "argv = [\"tool\"", "plain: method.exec: argv"),
        ("\"{image}\"]", "\"image\"]", "plain: method.exec: argv does not contain {image}"),
        ("\"2\" = \"done\"", "\"256\" = \"done\"", "plain: method.exec.codes: \"256\""),
        (
            "\"0\" = \"done\", \"2\" = \"done\"",
            "\"2\" = \"refused\"",
            "plain: method.exec.codes: no code means done",
        ),
        (
            "by = \"warm\" }\n# of the capsule",
            "by = \"cold\" }\n",
            "capsule: activate: a capsule needs by = \"warm\"",
        ),
        ("by = \"cold\" }", "by = \"reload\" }", "board: activate: reload is only for"),
        ("otherwise = \"cold\"", "otherwise = \"reload\"", "nic: activate: otherwise must be a reset"),
        ("by = \"reload\", otherwise", "by = \"warm\", otherwise", "nic: activate: otherwise is only for"),
        ("max_attempts = 2", "max_attempts = 11", "nic: limits: max_attempts"),
        ("max_attempts = 2", "flash_seconds = 0", "nic: limits: flash_seconds"),
        ("serial = 7", "serial = 0", "set: serial: it begins at 1"),
        ("2027-06-30", "2026-12-31", "set: expires: 2026-12-31 is over"),
        ("product = \"R650\"", "product = \"R6*\"", "plain: match: \"R6*\" is compared as it is"),
        ("product = \"R650\"", "product = \"R650 \"", "plain: match: \"R650 \" is empty, or has blanks"),
        ("product = \"R650\"", "sys_vendor = \"\", product = \"R650\"", "plain: match: \"\" is empty"),
        ("/images/plain", "ftp://h/plain", "plain: image: ftp://h/plain: only http and https"),
        ("/images/plain", "../plain", "plain: image: ../plain: a path with .."),
        (
            "min = \"22.30.1000\"",
            "allow = [\"22.1.1\"], deny = [\"22.1.1\"]",
            "nic: from: 22.1.1 is in allow and in deny",
        ),
        (
            "min = \"22.30.1000\"",
            "allow = [\"23.1.1\"]",
            "nic: from: 23.1.1 is newer than the desired version",
        ),
        ("backup = true", "backup = true, banks = true", "board: safety: mtd has no second bank"),
        (", backup = true", "", "board: safety: mtd needs backup = true"),
        (
            "activate = { by = \"cold\" }\nsafety",
            "activate = { by = \"warm\" }\nsafety",
            "board: activate: mtd needs by = \"cold\"",
        ),
        ("\"{image}\"]", "\"{image}\", \"{dev}\"]", "plain: method.exec: {dev} is none of"),
        ("\"{image}\"]", "\"{image}\", \"{port}\"]", "plain: method.exec: {port} is only for"),
        (
            "\"2\" = \"done\" }",
            "\"2\" = \"done\" }, version = { argv = [\"/bin/x\"], running = \" \" }",
            "plain: method.exec.version: a marker is empty",
        ),
    ] {
        let found = broken(old, new);
        assert!(found.contains(message), "{old} -> {new}: {found}");
    }
}

#[test]
fn a_missing_image_or_digest_is_an_error() {
    let image = "image = { urls = [\"/images/nic\"], size = 17, sha256 = \"8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92\" }\n";
    assert_eq!(broken(image, ""), "nic: it has version.want but no image");
    assert!(
        broken(", sha256 = \"8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92\"", "")
            .contains("missing field `sha256`")
    );
    let zeros = broken("8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92", &"0".repeat(64));
    assert!(zeros.starts_with("nic: image: sha256 is not a digest"));
}

#[test]
fn errors_between_entries() {
    assert_eq!(broken("name = \"template\"", "name = \"nic\""), "nic: another entry has the same name");
    assert_eq!(
        broken("product = \"R650\"", "product = \"R640\", board_name = \"0X\""),
        "plain: a component can match both this entry and board; neither is used then"
    );
    assert!(broken("entry = \"nic\", min", "entry = \"nik\", min").starts_with("board: it requires nik"));
    assert!(
        broken("entry = \"nic\", min", "entry = \"template\", min")
            .starts_with("board: it requires template")
    );
    assert!(broken("min = \"22.31.1014\"", "min = \"22.31\"").starts_with("board: requires nic: \"22.31\""));
    assert!(
        broken("min = \"22.31.1014\"", "min = \"22.40.0\"")
            .contains("newer than the desired version of that entry")
    );
    let cycle =
        "limits = { max_attempts = 2 }\nrequires = { versions = [{ entry = \"board\", min = \"1.0\" }] }";
    let errors = errors(&GOOD.replacen("limits = { max_attempts = 2 }", cycle, 1));
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors.iter().all(|error| error.contains("requires a version of itself")));
}

#[test]
fn entries_overlap_if_one_adapter_can_match_both() {
    let both = |one: &str, other: &str| {
        let entry = |name: &str, matched: &str| {
            let digest = "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92";
            format!(
                "[[entry]]\nname = \"{name}\"\ncomponent = \"nic\"\nmatch = {{ {matched} }}\n\
                 version = {{ want = \"1\", source = \"devlink:fw\", format = \"number\" }}\n\
                 image = {{ urls = [\"i\"], size = 1, sha256 = \"{digest}\" }}\nmethod = {{ devlink = {{}} }}\n\
                 activate = {{ by = \"warm\" }}\n"
            )
        };
        let head = "schema = 1\nserial = 1\nexpires = \"2027-06-30\"\n";
        errors(&format!("{head}{}{}", entry("one", one), entry("two", other))).len()
    };
    assert_eq!(
        both("pci = [\"1:2\"]".replace("1:2", "0001:0002").as_str(), "pci = [\"0003:0004\", \"0001:0002\"]"),
        1
    );
    assert_eq!(both("pci = [\"0001:0002\"]", "pci = [\"0001:0002:0003:0004\"]"), 1);
    assert_eq!(both("pci = [\"0001:0002\"]", "pci = [\"0001:0003\"]"), 0);
    assert_eq!(both("pci = [\"0001:0002\"], driver = \"a\"", "pci = [\"0001:0002\"], driver = \"b\""), 0);
    let fixed =
        |key: &str, value: &str| format!("pci = [\"0001:0002\"], fixed = {{ \"{key}\" = \"{value}\" }}");
    assert_eq!(both(&fixed("fw.psid", "A"), &fixed("fw.psid", "B")), 0);
    assert_eq!(both(&fixed("fw.psid", "A"), &fixed("board.id", "B")), 1);
}
