// SPDX-License-Identifier: MIT OR Apache-2.0
use super::lint;

/// The entries of this file, of which every test spoils something.
const GOOD: &str = include_str!("good.toml");

/// What is wrong, with the names of the entries.
fn wrong(text: &str) -> Vec<String> {
    let (_, findings) = lint(text);
    let wrong = findings.into_iter().filter(|finding| finding.wrong);
    wrong.map(|finding| format!("{}: {}", finding.entry.as_deref().unwrap_or("set"), finding.words)).collect()
}

/// What is wrong after `old` was replaced by `new`.
fn spoilt(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    let wrong = wrong(&GOOD.replacen(old, new, 1));
    assert!(!wrong.is_empty(), "{old} -> {new}");
    wrong.join("\n")
}

#[test]
fn a_good_set_has_nothing_wrong() {
    let (set, findings) = lint(GOOD);
    assert_eq!(set.unwrap().entries.len(), 5);
    assert_eq!(wrong(GOOD), Vec::<String>::new());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].entry.as_deref(), Some("template"));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (old, new, words) in [
        ("may_lose_link = true", "may_loose_link = true", "unknown field `may_loose_link`"),
        ("format = \"triplet\"", "format = \"tripplet\"", "unknown variant `tripplet`"),
        ("15b3:101d", "15B3:101d", "four lower-case hexadecimal digits"),
        ("devlink:fw", "devlink:", "is no source of versions"),
        ("schema = 1", "schema = 2", "schema 2"),
        ("2027-06-30", "2027-06-31", "is no date"),
        ("serial = 7", "", "missing field `serial`"),
    ] {
        assert!(spoilt(old, new).contains(words), "{old} -> {new}");
    }
    assert!(spoilt("may_lose_link = true", "may_loose_link = true").contains("line "));
    assert_eq!(wrong("schema = 1\nserial = 1\nexpires = \"2027-06-30\"\n"), ["set: it has no [[entry]]"]);
}

#[test]
fn what_is_wrong_with_one_entry() {
    for (old, new, words) in [
        ("name = \"nic\"", "name = \"n c\"", "n c: its name"),
        ("pci = [\"15b3:101d\"], ", "", "nic: match: pci is missing"),
        ("driver = \"mlx5_core\"", "product = \"X\"", "nic: match: a key that is for the BIOS only"),
        (
            "product = \"R640\"",
            "driver = \"X\", product = \"R640\"",
            "board: match: a key that is for NICs only",
        ),
        ("product = \"R640\"", "", "board: match: it has neither"),
        ("ddc0ee61-e7f0", "DDC0EE61-e7f0", "capsule: match: esrt: "),
        (
            "want = \"22.39.2048\"",
            "want = \"22.39\"",
            "nic: version.want: \"22.39\" is no version of the format triplet",
        ),
        ("min = \"22.30.1000\"", "min = \"22\"", "nic: from: \"22\" is no version"),
        (
            "version = \"22.35.1012\"",
            "version = \"22.40.0\"",
            "nic: policy.via: the versions on the way do not ascend",
        ),
        (
            "version = \"22.35.1012\"",
            "version = \"22.39.2048\"",
            "nic: policy.via: the versions on the way do not ascend",
        ),
        ("version = \"22.35.1012\"", "version = \"x\"", "nic: policy.via: \"x\" is no version"),
        (
            "update = \"exact\"",
            "update = \"upgrade-only\"",
            "plain: the format plain tells no older from newer",
        ),
        (
            "update = \"exact\"",
            "update = \"exact\", from = { min = \"U1\" }",
            "plain: the format plain tells no older from newer",
        ),
        ("want = \"U31\", ", "", "plain: it has an image and wants no version"),
        ("size = 17", "size = 0", "nic: image: size is 0"),
        ("urls = [\"/images/nic\"]", "urls = []", "nic: image: urls are missing"),
        ("size = 18, sha256 = \"a", "size = 18, sha256 = \"A", "nic: 22.35.1012: sha256 is no digest"),
        ("source = \"devlink:fw\"", "source = \"dmi\"", "nic: dmi is no source for this kind"),
        ("source = \"devlink:fw\"", "source = \"tool\"", "nic: the source tool needs method.exec.version"),
        ("source = \"dmi:release\"", "source = \"esrt\"", "board: the source esrt needs match.esrt"),
        (
            "method = { devlink = { component = \"fw\" } }",
            "method = \"capsule\"",
            "nic: method: a capsule is for the BIOS",
        ),
        ("mtd = { partition = \"bios\" }", "devlink = {}", "board: method: devlink is for NICs"),
        ("read_back = true", "read_back = false", "board: safety: a flash without a second bank"),
        ("argv = [\"/opt/tool\"", "argv = [\"tool\"", "plain: method.exec: argv"),
        ("\"{image}\"]", "\"image\"]", "plain: method.exec: argv does not name {image}"),
        ("\"2\" = \"done\"", "\"256\" = \"done\"", "plain: method.exec.codes: \"256\""),
        (
            "\"0\" = \"done\", \"2\" = \"done\"",
            "\"2\" = \"refused\"",
            "plain: method.exec.codes: no code means done",
        ),
        (
            "by = \"warm\" }\n# of the capsule",
            "by = \"cold\" }\n",
            "capsule: activate: a capsule is in memory",
        ),
        ("by = \"cold\" }", "by = \"reload\" }", "board: activate: only devlink reloads"),
        ("otherwise = \"cold\"", "otherwise = \"reload\"", "nic: activate: otherwise is the same"),
        ("by = \"reload\", otherwise", "by = \"warm\", otherwise", "nic: activate: otherwise is for"),
        ("max_attempts = 2", "max_attempts = 11", "nic: limits: max_attempts"),
        ("max_attempts = 2", "flash_seconds = 0", "nic: limits: a deadline"),
    ] {
        let found = spoilt(old, new);
        assert!(found.contains(words), "{old} -> {new}: {found}");
    }
}

#[test]
fn a_missing_image_or_digest_is_wrong() {
    let image = "image = { urls = [\"/images/nic\"], size = 17, sha256 = \"8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92\" }\n";
    assert_eq!(spoilt(image, ""), "nic: it wants a version and has no image");
    assert!(
        spoilt(", sha256 = \"8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92\"", "")
            .contains("missing field `sha256`")
    );
    let zeros = spoilt("8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92", &"0".repeat(64));
    assert!(zeros.starts_with("nic: image: sha256 is no digest"));
}

#[test]
fn what_is_wrong_between_entries() {
    assert_eq!(spoilt("name = \"template\"", "name = \"nic\""), "nic: another entry has the same name");
    assert_eq!(
        spoilt("product = \"R650\"", "product = \"R640\", board_name = \"0X\""),
        "plain: a component can match this and board: then neither is used"
    );
    assert!(spoilt("entry = \"nic\", min", "entry = \"nik\", min").starts_with("board: it requires nik"));
    assert!(
        spoilt("entry = \"nic\", min", "entry = \"template\", min")
            .starts_with("board: it requires template")
    );
    assert!(spoilt("min = \"22.31.1014\"", "min = \"22.31\"").starts_with("board: requires nic: \"22.31\""));
    assert!(spoilt("min = \"22.31.1014\"", "min = \"22.40.0\"").contains("newer than that entry wants"));
    let round =
        "limits = { max_attempts = 2 }\nrequires = { versions = [{ entry = \"board\", min = \"1.0\" }] }";
    let wrong = wrong(&GOOD.replacen("limits = { max_attempts = 2 }", round, 1));
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong.iter().all(|words| words.contains("requires a version of itself")));
}

#[test]
fn adapters_overlap_where_one_can_have_the_ids_of_both() {
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
        wrong(&format!("{head}{}{}", entry("one", one), entry("two", other))).len()
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
