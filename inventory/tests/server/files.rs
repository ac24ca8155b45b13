// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images and boot files over HTTP.

use tempfile::{TempDir, tempdir};

use crate::running::{Response, Server};

fn served(content: &[u8]) -> (TempDir, Server) {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    std::fs::write(dir.path().join("images/disk.img"), content).unwrap();
    (dir, server)
}

fn image(server: &Server, method: &str, headers: &[(&str, &str)]) -> Response {
    server.call(method, &format!("{}/images/disk.img", server.origin()), headers, None)
}

#[test]
fn a_large_file_is_resumed() {
    let content: Vec<u8> = (0..3_000_017_u32).flat_map(u32::to_le_bytes).take(9_000_017).collect();
    let (_dir, server) = served(&content);
    let whole = image(&server, "GET", &[]);
    assert_eq!((whole.status, whole.header("content-length")), (200, "9000017"));
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert!(whole.body == content);

    let etag = whole.header("etag");
    let rest = image(&server, "GET", &[("Range", "bytes=5000000-"), ("If-Range", etag)]);
    assert_eq!((rest.status, rest.header("content-range")), (206, "bytes 5000000-9000016/9000017"));
    assert!(rest.body == content[5_000_000..]);
    let part = image(&server, "GET", &[("Range", "bytes=1-4")]);
    assert_eq!((part.status, part.header("content-length")), (206, "4"));
    assert_eq!(part.body, content[1..5]);
    let last = image(&server, "GET", &[("Range", "bytes=-17")]);
    assert_eq!(last.body, content[9_000_000..]);

    let beyond = image(&server, "GET", &[("Range", "bytes=9000017-")]);
    beyond.problem(416);
    assert_eq!(beyond.header("content-range"), "bytes */9000017");
    assert_eq!(image(&server, "GET", &[("Range", "bytes=0-1,4-5")]).status, 200);

    let head = image(&server, "HEAD", &[("Range", "bytes=1-4")]);
    assert_eq!((head.status, head.header("content-length"), head.header("etag")), (200, "9000017", etag));
    assert!(head.body.is_empty());
    image(&server, "POST", &[]).problem(405);
}

#[test]
fn a_file_that_changed_is_not_resumed() {
    let (dir, server) = served(b"first");
    let first = image(&server, "GET", &[]).header("etag").to_string();
    assert_eq!(image(&server, "GET", &[("If-None-Match", &first)]).status, 304);

    std::fs::write(dir.path().join("new"), b"other").unwrap();
    std::fs::rename(dir.path().join("new"), dir.path().join("images/disk.img")).unwrap();
    let resumed = image(&server, "GET", &[("Range", "bytes=2-"), ("If-Range", &first)]);
    assert_eq!((resumed.status, resumed.body.as_slice()), (200, b"other".as_slice()));
    assert_ne!(resumed.header("etag"), first);
    let dated =
        image(&server, "GET", &[("Range", "bytes=2-"), ("If-Range", "Sat, 21 Nov 2026 06:08:42 GMT")]);
    assert_eq!(dated.status, 200);
    assert_eq!(image(&server, "GET", &[("If-None-Match", &first)]).status, 200);
}

#[test]
fn an_empty_file_has_no_range() {
    let (_dir, server) = served(b"");
    let whole = image(&server, "GET", &[]);
    assert_eq!((whole.status, whole.header("content-length")), (200, "0"));
    image(&server, "GET", &[("Range", "bytes=0-")]).problem(416);
}

#[test]
fn nothing_but_the_folder_is_served() {
    let (dir, server) = served(b"image");
    std::fs::write(dir.path().join("images/.hidden"), b"partial").unwrap();
    std::fs::create_dir(dir.path().join("images/sub")).unwrap();
    std::fs::write(dir.path().join("images/sub/file"), b"below").unwrap();
    std::fs::write(dir.path().join("boot/boot.ipxe"), b"#!ipxe").unwrap();
    let secret = dir.path().join("ca.key");
    let absolute = format!("/{}", secret.to_str().unwrap());
    for name in [
        "../ca.key",
        "..%2fca.key",
        "%2e%2e/ca.key",
        "sub/../../ca.key",
        ".hidden",
        "sub",
        "sub%00",
        "",
        &absolute,
    ] {
        server.get(&format!("{}/images/{name}", server.origin()), &[]).problem(404);
        server.get(&format!("{}{name}", server.boot), &[]).problem(404);
    }
    assert_eq!(server.get(&format!("{}/images/sub/file", server.origin()), &[]).body, b"below");

    // Plain http is for boot files only, and they are read as images are.
    assert_eq!(server.get(&format!("{}boot.ipxe", server.boot), &[("Range", "bytes=2-")]).body, b"ipxe");
    let plain = server.boot.strip_suffix("/boot/").unwrap();
    for path in
        ["/images/disk.img", "/ipxe/4c4c4544-0042-3510-8052-b4c04f4a4b32/detail", "/api/v1/hosts", "/"]
    {
        server.get(&format!("{plain}{path}"), &[]).problem(404);
    }
    server.get(&format!("{}/boot/boot.ipxe", server.origin()), &[]).problem(404);
}
