#!/usr/bin/env python3
"""Runs the command for Windows under Wine as a user would: paths with backslashes and spaces, files with
CRLF, Ctrl-C. scripts/release/windows.sh calls it.

    scripts/release/windows_run.py FOLDER    with rehearsal.exe in it
"""

import atexit
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

# Wine cannot trust further authorities, which this variable of the machine would ask for.
os.environ.pop("SSL_CERT_FILE", None)
folder = pathlib.Path(sys.argv[1])
inner = folder / "inner folder"
inner.mkdir(exist_ok=True)


def start(*arguments, **options):
    command = ["wine", "rehearsal.exe", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=folder, **{**pipes, **options})


def end(process, what, codes):
    out, err = (text.decode() for text in process.communicate(timeout=300))
    if process.returncode not in codes:
        sys.exit(f"{what}: exit code {process.returncode}, expected {codes}\n{out[-2000:]}\n{err[-2000:]}")
    print(f"ok  {what}: exit code {process.returncode}", flush=True)
    return out, err


def run(*arguments, codes=(0,), environment=None):
    process = start(*arguments, env={**os.environ, **(environment or {})})
    return end(process, " ".join(arguments[:2]), codes)


def expect(condition, what):
    if not condition:
        sys.exit(f"expected {what}")
    print(f"ok  {what}", flush=True)


def wait_for(condition, what):
    until = time.monotonic() + 120
    while not condition():
        if time.monotonic() > until:
            sys.exit(f"waited 120 seconds for {what}")
        time.sleep(0.1)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def write_crlf(path, text):
    path.write_bytes(text.replace("\r\n", "\n").replace("\n", "\r\n").encode())


def crlf(path):
    write_crlf(path, path.read_text())


sp_port, idp_port = free_port(), free_port()
run("check", "sp", "--prepare", "--idp-port", idp_port, "--idp-metadata-out", r"inner folder\idp.xml")
run("check", "idp", "--prepare", "--sp-port", sp_port, "--sp-metadata-out", r"inner folder\sp.xml")
for name in ("idp.xml", "sp.xml", "idp.key", "sp.key"):
    crlf(inner / name)

ready_file = inner / "ready.json"
up = [
    "up",
    *("--ready-file", r"inner folder\ready.json"),
    *("--idp-metadata", r"inner folder\idp.xml"),
    *("--sp-metadata", r"inner folder\sp.xml"),
    *("--database-url", r"sqlite://inner folder\portal.db?mode=rwc"),
    *("--checks-folder", r"inner folder\checks"),
]
server = start(*up, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
atexit.register(server.kill)
wait_for(ready_file.exists, "the ready file")
ready = json.loads(ready_file.read_text())
_, err = run("up", "--ready-file", r"inner folder\ready.json", codes=(2,))
expect("is in use by process" in err, "a ready file in use is refused")
run("key", "--seats", "3")
run("health", ready["sp"]["base_url"])

scim = ["--base-url", ready["sp"]["scim_base_url"], "--token", ready["sp"]["scim_bearer_token"]]
out, _ = run("check", "scim", *scim, "--html", r"inner folder\scim.html", codes=(0,))
expect((inner / "scim.html").exists(), "a report in a folder with a space")

login = ready["idp"]["sso_login"]
out, _ = run(
    *("check", "idp", "--metadata", ready["idp"]["metadata_url"], "--user", login["username"]),
    *("--sp-port", sp_port, "--sp-metadata-out", r"inner folder\sp.xml"),
    *("--record", r"inner folder\recording.json"),
    environment={"REHEARSAL_PASSWORD": login["password"]},
    codes=(0, 1),
)
failed = [line.split()[1] for line in out.splitlines() if line.startswith("FAIL")]
print(f"    findings at the simulated identity provider: {failed}")
crlf(inner / "recording.json")
run("check", "idp", "--replay", r"inner folder\recording.json", codes=(0, 1))

person = folder / "person.toml"
write_crlf(person, '[name_id]\nformat = "emailAddress"\nvalue = "{user}"\n')
out, _ = run(
    *("check", "sp", "--metadata", ready["sp"]["metadata_url"]),
    *("--start-url", ready["sp"]["sso_start_url"] + "?email=grace@lumen.example"),
    *("--probe-url", ready["sp"]["whoami_url"], "--user", "grace@lumen.example", "--person", "person.toml"),
    *("--expect", r"grace@lumen\.example", "--idp-port", idp_port, "--idp-metadata-out", r"inner folder\idp.xml"),
    codes=(0, 1),
)

metadata = urllib.request.urlopen(ready["idp"]["metadata_url"]).read().decode()
write_crlf(inner / "metadata.xml", metadata)
out, _ = run("trace", r"inner folder\metadata.xml", codes=(0, 1))

# Ctrl-C: Wine turns SIGINT into it.
check = start("check", "scim", *scim)
first = check.stderr.readline()
check.send_signal(signal.SIGINT)
_, err = end(check, "check scim, ended by Ctrl-C", (130,))
expect("interrupted by SIGINT" in first.decode() + err, "an interrupted check says so")

# The simulation page starts checks as processes of their own, and stops them.
page = ready["simulation"]["url"]


def post(path, fields):
    text = browser.open(page).read().decode()
    token = re.search('name="form_token" value="([^"]+)"', text).group(1)
    data = urllib.parse.urlencode({"form_token": token, **fields}).encode()
    return browser.open(page + path, data).read().decode()


browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
post("/checks/scim", {"base-url": scim[1], "token": scim[3], "confirmed": "yes"})
post("/checks/runs/1/stop", {})
report = inner / "checks" / "1-scim-report.txt"
wait_for(lambda: report.exists() and "SIGTERM" in report.read_text(), "the report of a stopped check")
print("ok  a check that the simulation page stops ends in order")

server.send_signal(signal.SIGINT)
expect(server.wait(60) == 0 and not ready_file.exists(), "up ends at Ctrl-C and removes its ready file")

run("demo", "--html", r"inner folder\demo.html")
out, _ = run("profiles")
expect("–" in out or "’" in out or out.isascii(), "UTF-8 on standard output")
