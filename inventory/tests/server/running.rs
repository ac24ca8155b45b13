// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real server with a data folder of its own, and a client that trusts only its CA.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use ureq::http::{HeaderMap, Request};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

const PROGRAM: &str = env!("CARGO_BIN_EXE_stage1-inventory");

pub(crate) struct Server {
    child: Child,
    dir: PathBuf,
    client: ureq::Agent,
    /// `https://ADDRESS:PORT/ipxe`
    pub(crate) base: String,
    /// `http://ADDRESS:PORT/boot/`
    pub(crate) boot: String,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks that this is a problem document of this status, and returns its detail.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!((&problem["status"], &problem["type"]), (&status.into(), &"about:blank".into()));
        assert!(problem["title"].is_string());
        problem["detail"].as_str().unwrap().to_string()
    }
}

impl Server {
    pub(crate) fn start(dir: &Path) -> Self {
        Server::start_with(dir, &["--listen", "127.0.0.1:0"])
    }

    /// Starts a server on `dir` and waits until it reports that it is ready. Its log is in `server.log` there.
    pub(crate) fn start_with(dir: &Path, arguments: &[&str]) -> Self {
        let log = File::options().create(true).append(true).open(dir.join("server.log")).unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--boot-listen", "127.0.0.1:0", "--dir"])
            .arg(dir)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let (mut base, mut boot) = (String::new(), String::new());
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some((_, url)) = line.split_once(" at http://") {
                boot = format!("http://{url}");
            }
            if let Some(url) = line.strip_prefix("inventory ready at ") {
                base = url.to_string();
                break;
            }
        }
        assert!(!base.is_empty(), "the server ended before it was ready");
        let ca = Certificate::from_pem(&std::fs::read(dir.join("ca.pem")).unwrap()).unwrap();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[ca]))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let client =
            ureq::Agent::config_builder().tls_config(tls).proxy(None).http_status_as_error(false).build();
        Server { child, dir: dir.to_path_buf(), client: client.into(), base, boot }
    }

    /// `https://ADDRESS:PORT`
    pub(crate) fn origin(&self) -> &str {
        self.base.strip_suffix("/ipxe").unwrap()
    }

    pub(crate) fn try_call(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response, ureq::Error> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = match body {
            Some(body) => self.client.run(request.body(body).unwrap()),
            None => self.client.run(request.body(()).unwrap()),
        }?;
        let body = response.body_mut().read_to_vec()?;
        Ok(Response { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    pub(crate) fn call(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Response {
        let response = self.try_call(method, url, headers, body);
        response.unwrap_or_else(|error| panic!("{method} {url}: {error}"))
    }

    pub(crate) fn get(&self, url: &str, headers: &[(&str, &str)]) -> Response {
        self.call("GET", url, headers, None)
    }

    /// A call of the contract.
    pub(crate) fn agent(&self, method: &str, path: &str, body: Option<&str>) -> Response {
        self.call(method, &format!("{}/{path}", self.base), &[], body.map(str::as_bytes))
    }

    /// A call of the operator's API.
    pub(crate) fn operator(&self, method: &str, path: &str, body: Option<&str>) -> Response {
        let token = std::fs::read_to_string(self.dir.join("operator.token")).unwrap();
        let bearer = format!("Bearer {}", token.trim());
        let url = format!("{}/api/v1/{path}", self.origin());
        self.call(method, &url, &[("Authorization", &bearer)], body.map(str::as_bytes))
    }

    /// The server's log; a request is logged before its response arrives.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("server.log")).unwrap()
    }

    /// Stops the server with SIGTERM, and checks its exit status.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command on the data folder `dir`.
fn run(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("--dir").arg(dir).args(arguments).output().unwrap()
}

/// Runs a command that must succeed, and returns its standard output.
pub(crate) fn prints(dir: &Path, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail, and returns its standard error.
pub(crate) fn fails(dir: &Path, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}
