#!/usr/bin/env python3
"""Measures the memory of each check at a target that hangs, drips or never ends, and with the
metadata of a whole federation.

  scripts/check_memory.py REHEARSAL     the command, for example target/debug/rehearsal

Fails if a check needs 100 MB or more (120 MB for a federation), or does not end with exit status 2: a target must not be able
to fill the memory of the machine that checks it. Part of scripts/nightly.sh.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 100_000_000
# A tree of the whole document would take 150 MB.
FEDERATION_LIMIT = 120_000_000
# `endless` must be ended by a limit of bytes, the others by the limit of time.
BEHAVIORS = {"hangs": "2", "drips": "2", "endless": "60"}


class Target(BaseHTTPRequestHandler):
    """Answers every request as `behavior` says."""

    behavior = ""
    body = b""
    over = threading.Event()

    def answer(self):
        if self.behavior == "hangs":
            self.over.wait()
            return
        if self.behavior == "federation":
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.body)))
            self.end_headers()
            self.wfile.write(self.body)
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        chunk, pause = (b" ", 0.1) if self.behavior == "drips" else (b" " * 65536, 0)
        try:
            while not self.over.is_set():
                self.wfile.write(chunk)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            pass  # the check has closed the connection

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


def arguments(kind, base):
    metadata, page = f"{base}/metadata", f"{base}/page"
    return {
        "scim": ["--base-url", base, "--token", "token"],
        "sp": ["--metadata", metadata, "--start-url", page, "--probe-url", page, "--expect", "jo"],
        "idp": ["--metadata", metadata, "--user", "jo", "--password", "not-needed"],
        "leaver": ["--scim-url", base, "--token", "token", "--sp-metadata", metadata, "--probe-url", page],
    }[kind]


def measure(command):
    """Returns exit status, and the largest resident memory in bytes."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * 1024


def federation():
    """Returns an aggregate of 20 MB: 6600 entities, each with two certificates."""
    fixture = pathlib.Path(__file__).parent.parent / "fixtures/metadata/sp-encryption-key.xml"
    certificate = re.search("<ds:X509Certificate>([^<]+)<", fixture.read_text()).group(1).strip()
    key = "<md:KeyDescriptor use='%s'><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>".format(certificate)
    binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    protocol = "urn:oasis:names:tc:SAML:2.0:protocol"
    entity = f"""<md:EntityDescriptor entityID='https://entity-%d.example/metadata'>
  <md:IDPSSODescriptor protocolSupportEnumeration='{protocol}'>
    {key % 'signing'}
    <md:SingleSignOnService Binding='{binding}' Location='https://entity.example/sso'/>
  </md:IDPSSODescriptor>
  <md:SPSSODescriptor protocolSupportEnumeration='{protocol}'>
    {key % 'encryption'}
    <md:AssertionConsumerService index='0' Binding='{binding}' Location='https://entity.example/acs'/>
  </md:SPSSODescriptor>
  <md:Organization>
    <md:OrganizationName xml:lang='en'>Entity</md:OrganizationName>
    <md:OrganizationDisplayName xml:lang='en'>Entity</md:OrganizationDisplayName>
    <md:OrganizationURL xml:lang='en'>https://entity.example</md:OrganizationURL>
  </md:Organization>
</md:EntityDescriptor>
"""
    # 20 MB is the limit of the reader.
    entities = "".join(entity % number for number in range(6600))
    return f"""<md:EntitiesDescriptor xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata' xmlns:ds='http://www.w3.org/2000/09/xmldsig#'>
{entities}</md:EntitiesDescriptor>
""".encode()


def measure_federation(rehearsal):
    """Selects one of the entities, whose pages cannot be reached. Returns whether that is wrong."""
    handler = type("Federation", (Target,), {"behavior": "federation", "body": federation()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = "http://127.0.0.1:1/"
    failed = False
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(handler.body)
        file.flush()
        size = len(handler.body) / 1e6
        for place in (file.name, f"http://127.0.0.1:{server.server_port}/metadata"):
            command = [rehearsal, "check", "sp", "--metadata", place]
            command += ["--start-url", page, "--probe-url", page, "--expect", "jo"]
            for chosen in ([], ["--entity-id", "https://entity-4000.example/metadata"]):
                status, memory = measure(command + chosen)
                is_wrong = status != 2 or memory >= FEDERATION_LIMIT
                failed |= is_wrong
                mark = "WRONG " if is_wrong else ""
                what = "one entity" if chosen else "all entities"
                kind = "URL" if place.startswith("http") else "file"
                print(f"{mark}check sp, {what} of a {kind} of {size:.1f} MB: {memory / 1e6:.0f} MB, exit status {status}", flush=True)
    server.shutdown()
    return failed


def main():
    rehearsal = sys.argv[1]
    failed = measure_federation(rehearsal)
    for behavior, timeout in BEHAVIORS.items():
        handler = type("Handler", (Target,), {"behavior": behavior, "over": threading.Event()})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        for kind in ("scim", "sp", "idp", "leaver"):
            command = [rehearsal, "check", kind, "--timeout", timeout, *arguments(kind, base)]
            status, memory = measure(command)
            is_wrong = status != 2 or memory >= LIMIT
            failed |= is_wrong
            mark = "WRONG " if is_wrong else ""
            print(f"{mark}check {kind}, {behavior}: {memory / 1e6:.0f} MB, exit status {status}", flush=True)
        handler.over.set()
        server.shutdown()
    if failed:
        sys.exit("check_memory: expected exit status 2 and less memory than the limit")


if __name__ == "__main__":
    main()
