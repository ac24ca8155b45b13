#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A small inventory for stage1, on files: python3 docs/inventory.py FOLDER ADDRESS:PORT [CERTIFICATE.pem KEY.pem]

FOLDER/ID/ is the host ID. You write `action` (one word), profile.json, detail.json and bmc.json; the host writes
report.json, installed.json and events.jsonl. docs/inventory-api.md explains the calls. It checks nothing of what you
write: a host refuses a wrong profile or detail before the download, and fails.
"""
import json, pathlib, re, ssl, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FOLDER = pathlib.Path(sys.argv[1])
PATH = re.compile(r"/ipxe/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/(profile|detail|installed|events))?")
LOCK = threading.Lock()


def read(file, otherwise=None):
    return json.loads(file.read_text()) if file.exists() else otherwise


def write(file, value):
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=2))
    partial.rename(file)  # a reader sees the old file or the new one, never half of it


def merge(old, patch):
    """JSON merge patch, RFC 7396: null removes a field."""
    if not isinstance(patch, dict):
        return patch
    old = old if isinstance(old, dict) else {}
    merged = {**old, **{key: merge(old.get(key), value) for key, value in patch.items()}}
    return {key: value for key, value in merged.items() if key not in patch or patch[key] is not None}


def decide(method, host, what, body):
    """The answer to a call: status, body, seconds until the host may ask again."""
    report = host / "report.json"
    if (method, what) == ("PUT", None):
        status = 200 if report.exists() else 201
        write(report, body)
        action = host / "action"
        action = action.read_text().strip() if action.exists() else "shutdown"
        return status, {"version": 1, "action": action, "bmc": read(host / "bmc.json")}, None
    if (method, what) == ("POST", "events"):  # also from a host that could not register
        with (host / "events.jsonl").open("a") as events:
            events.write(json.dumps(body) + "\n")
    elif not report.exists():
        return 404, {"status": 404, "detail": "this host is not registered; it has to PUT its report first"}, None
    elif (method, what) == ("PATCH", None):
        write(report, merge(read(report), body))
    elif (method, what) == ("POST", "installed"):
        write(host / "installed.json", body)
    elif (method, what) == ("GET", "detail"):
        return 200, read(host / "detail.json", {"version": 1, "hostname": ""}), None
    elif (method, what) == ("GET", "profile"):
        profile = read(host / "profile.json")
        return (200, profile, None) if profile else (204, None, 10)
    else:
        return 405, {"status": 405, "detail": f"{method} is not for this path"}, None
    return 204, None, None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    timeout = 60

    def handle_call(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        call = PATH.fullmatch(self.path)
        status, answer, wait = 404, {"status": 404, "detail": f"there is no {self.path}"}, None
        if call:
            with LOCK:
                host = FOLDER / call[1]
                if body:
                    host.mkdir(parents=True, exist_ok=True)
                status, answer, wait = decide(self.command, host, call[2], json.loads(body) if body else None)
        data = json.dumps(answer).encode() if answer else b""
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
            self.send_header("Content-Length", str(len(data)))
        if wait:
            self.send_header("Retry-After", str(wait))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_PATCH = do_POST = handle_call


address, port = sys.argv[2].rsplit(":", 1)
server = ThreadingHTTPServer((address, int(port)), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    # The handshake is done by the handler's thread, so that one slow host does not hold up the others.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(f"inventory ready at {address}:{server.server_address[1]}/ipxe", flush=True)
server.serve_forever()
