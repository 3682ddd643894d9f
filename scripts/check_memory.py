#!/usr/bin/env python3
"""Measures the memory of each check at a target that hangs, drips or never ends.

  scripts/check_memory.py REHEARSAL     the command, for example target/debug/rehearsal

Fails if a check needs 100 MB or more, or does not end with exit status 2: a target must not be able
to fill the memory of the machine that checks it. Part of scripts/nightly.sh.
"""

import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 100_000_000
# `endless` must be ended by a limit of bytes, the others by the limit of time.
BEHAVIORS = {"hangs": "2", "drips": "2", "endless": "60"}


class Target(BaseHTTPRequestHandler):
    """Answers every request as `behavior` says."""

    behavior = ""
    over = threading.Event()

    def answer(self):
        if self.behavior == "hangs":
            self.over.wait()
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


def main():
    rehearsal = sys.argv[1]
    failed = False
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
        sys.exit("check_memory: expected exit status 2 and less than 100 MB of memory")


if __name__ == "__main__":
    main()
