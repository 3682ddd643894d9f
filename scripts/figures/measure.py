"""Measures the figures of docs/figures.md and writes the page.

What is compared runs alternately in one run, and each ratio is the median of the
ratios of the rounds, because the load of a machine changes from minute to minute.
"""

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A server process with all its children, which is stopped at the end."""

    def __init__(self, command, log, env=None):
        self.log = Path(log)
        output = open(log, "w")
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
        )

    def cpu(self):
        """Returns the CPU time of the process, in seconds."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident(self):
        """Returns the resident memory, in megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def key_ms(self):
        """Returns the milliseconds that `up` needed to make its keys: both are made at the same time."""
        times = re.findall(r"signing key.*?milliseconds=([\d.]+)", self.log.read_text())
        if len(times) != 2:
            sys.exit(f"expected the log lines of two keys, got {len(times)}:\n{self.log.read_text()[-2000:]}")
        return max(map(float, times))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def wait_for(condition, what, server, seconds=30):
    """Waits until the condition holds; returns the seconds that it took."""
    start = time.monotonic()
    while not condition():
        has_ended = server.process.poll() is not None
        if has_ended or time.monotonic() - start > seconds:
            why = "its process has ended" if has_ended else f"got nothing within {seconds} s"
            sys.exit(f"expected {what}, {why}:\n{server.log.read_text()[-2000:]}")
        time.sleep(0.002)
    return time.monotonic() - start


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=2)
        return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Rehearsal:
    def __init__(self, binary, folder, seconds):
        self.binary, self.folder, self.seconds = binary, folder, seconds

    def run(self, *arguments, check=True):
        command = [self.binary, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if check and done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def bench(self, what, *more):
        return json.loads(self.run("bench", what, "--seconds", self.seconds, "--json", *more))

    def up(self, *more):
        """Starts both parties; returns the server, its ready file and the seconds until it is ready."""
        ready = self.folder / f"ready-{time.monotonic_ns()}.json"
        # The log of the keys: how long each took to make.
        env = {"RUST_LOG": "error,world::rehearsal::keys=info"}
        server = Server([self.binary, "up", "--ready-file", ready, *more], self.folder / "up.log", env)
        # The ready file is written in one step.
        took = wait_for(ready.exists, "the ready file of up", server)
        return server, json.loads(ready.read_text()), took

    def load(self, kind, *arguments):
        text = self.run("bench", "load", kind, "--quiet", "--json", "-", *arguments)
        report = json.loads(text)
        return report["succeeded"] / report["seconds"], report["succeeded"]


class Page:
    def __init__(self):
        self.sections = []

    def section(self, title, about, head, rows):
        rows = [row for row in rows if row]
        if not rows:
            return
        lines = [f"## {title}", "", about, "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        text = "\n".join(lines)
        print(text + "\n", flush=True)
        self.sections.append(text)


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def median(values):
    return statistics.median(values)


def login_options(ready):
    login = ready["idp"]["sso_login"]
    return [
        "--start-url", ready["sp"]["sso_start_url"] + "?email={user}",
        "--probe-url", ready["sp"]["whoami_url"],
        "--user", login["username"],
        "--password", login["password"],
    ]


class Pair:
    """Two parties, and the options of a login at them."""

    def __init__(self, servers, options):
        self.servers, self.options = servers, options

    def measure(self, rehearsal, seconds, *more):
        """Returns logins per second, and CPU milliseconds of the parties per login."""
        before = sum(it.cpu() for it in self.servers)
        rate, count = rehearsal.load("login", *self.options, "--duration", seconds, *more)
        used = sum(it.cpu() for it in self.servers) - before
        # One more login comes before the load.
        return rate, used / (count + 1) * 1000

    def stop(self):
        for server in self.servers:
            server.stop()


def peer_pair(folder, packages):
    """Starts saml-idp and an application around node-saml."""
    key, certificate = folder / "peer.key", folder / "peer.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=peer", "-days", "2",
         "-keyout", key, "-out", certificate],
        check=True, stderr=subprocess.DEVNULL,
    )
    idp_port, sp_port = free_port(), free_port()
    idp, sp = f"http://127.0.0.1:{idp_port}", f"http://127.0.0.1:{sp_port}"
    first = Server(
        ["node", packages / "node_modules/saml-idp/bin/run.js", "--host", "127.0.0.1", "--port", idp_port,
         "--cert", certificate, "--key", key, "--issuer", f"{idp}/metadata",
         "--audience", f"{sp}/metadata", "--acsUrl", f"{sp}/acs"],
        folder / "saml-idp.log",
    )
    wait_for(lambda: answers(f"{idp}/metadata"), "an answer of saml-idp", first)
    metadata = folder / "peer.xml"
    metadata.write_bytes(urllib.request.urlopen(f"{idp}/metadata").read())
    application = HERE.parent / "interop/sps/node_saml_sp.mjs"
    second = Server(["node", application, sp_port, metadata], folder / "node-saml.log", {"NODE_PACKAGES": packages})
    wait_for(lambda: answers(f"{sp}/metadata"), "an answer of the application around node-saml", second)
    return Pair(
        [first, second],
        ["--start-url", f"{sp}/login", "--probe-url", f"{sp}/whoami", "--user", "jo@example.com", "--password", "x"],
    )


def logins(page, rehearsal, arguments, raw_ms):
    """Logins in sequence beside the peers, and with eight callers."""
    seconds, rounds = arguments.seconds, arguments.rounds
    server, ready, _ = rehearsal.up()
    ours = Pair([server], login_options(ready))
    peer = peer_pair(rehearsal.folder, arguments.login_peer) if arguments.login_peer else None
    rows, costs = [], []
    for name, more, goal in (
        ("with the password", [], 7),
        ("with a session at the identity provider", ["--keep-cookies"], 12),
    ):
        own, other = [], []
        for _ in range(rounds):
            own.append(ours.measure(rehearsal, seconds, *more))
            other.append(peer.measure(rehearsal, seconds, *more) if peer else (float("nan"),) * 2)
        rate, cpu = (median(it) for it in zip(*own))
        peer_rate, peer_cpu = (median(it) for it in zip(*other))
        ratio = median([one[0] / two[0] for one, two in zip(own, other)])
        rows.append([name, number(rate), number(peer_rate), f"**{number(ratio)}**", str(goal)])
        costs.append([name, number(cpu), number(peer_cpu), number(cpu / raw_ms)])
    page.section(
        "Logins in sequence",
        "Whole logins at service provider and identity provider together, one after the other "
        "(`rehearsal bench load login`), beside saml-idp 1.2.1 with node-saml 5.1.0. The login page of "
        "saml-idp takes a name and checks no password. The parties have temporary databases, in which the "
        "hash of a password takes 1 MiB; in others it takes OWASP's minimum, 19 MiB and two passes.",
        ["login", "per second", "peers, per second", "ratio", "goal"],
        rows,
    )
    page.section(
        "CPU time of a login",
        "Of the parties, without the browser. A raw signature is RSA-2048 with SHA-256 on this machine: "
        f"{number(raw_ms)} ms. The goal is 4 raw signatures with a session; with the password, its hash is added.",
        ["login", "ms", "peers, ms", "raw signatures"],
        costs,
    )
    rates = [ours.measure(rehearsal, seconds, "--keep-cookies", "--concurrency", 8)[0] for _ in range(rounds)]
    limit = 1000 / raw_ms * (os.cpu_count() or 1)
    page.section(
        "Logins of eight callers",
        "With a session. The limit is the rate of raw signatures on all processors; the browsers of the "
        "callers run on the same processors.",
        ["per second", "limit, per second", "share", "goal"],
        [[number(median(rates)), number(limit), f"{median(rates) / limit:.0%}", "60%"]],
    )
    ours.stop()
    if peer:
        peer.stop()


def scim(page, rehearsal, arguments):
    """One connection in sequence beside scim2-server, which keeps its users in memory."""
    seconds, rounds = arguments.seconds, arguments.rounds
    server, ready, _ = rehearsal.up()
    own = ["--base-url", ready["sp"]["scim_base_url"], "--token", ready["sp"]["scim_bearer_token"]]
    peer = None
    if arguments.scim_peer:
        port = free_port()
        log = rehearsal.folder / "scim2-server.log"
        peer = Server([arguments.scim_peer, "--port", port, "--bearer-token", "figures"], log)
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/"), "an answer of scim2-server", peer)
        other = ["--base-url", f"http://127.0.0.1:{port}/v2", "--token", "figures"]
    rows = []
    for operation in ("create", "read", "filter"):
        load = ["--mix", f"{operation}=1", "--duration", seconds]
        mine, theirs = [], []
        for _ in range(rounds):
            mine.append(rehearsal.load("scim", *own, *load)[0])
            theirs.append(rehearsal.load("scim", *other, *load)[0] if peer else float("nan"))
        ratio = median([one / two for one, two in zip(mine, theirs)])
        rows.append([operation, number(median(mine)), number(median(theirs)), f"**{number(ratio)}**", "5"])
    page.section(
        "SCIM, one connection in sequence",
        "`rehearsal bench load scim` at the portal, whose database is on the disk, beside scim2-server 0.8.3, "
        "whose users are in memory.",
        ["operation", "per second", "scim2-server, per second", "ratio", "goal"],
        rows,
    )
    load = ["--mix", "create=1", "--duration", seconds, "--concurrency", 8]
    rates = [rehearsal.load("scim", *own, *load)[0] for _ in range(rounds)]
    page.section(
        "SCIM, eight callers",
        "The callers run on the same processors.",
        ["operation", "per second", "goal"],
        [["create", number(median(rates)), "3,000"]],
    )
    server.stop()
    if peer:
        peer.stop()


def primitives(page, rehearsal):
    rows = []
    [sign], [verify] = rehearsal.bench("sign"), rehearsal.bench("verify")
    rows.append(["sign a Response", number(sign["ops_per_sec"]), number(sign["limit_ops_per_sec"]),
                 f"{sign['ratio']:.2f} of the raw rate", "0.95"])
    rows.append(["verify a Response", number(verify["ops_per_sec"]), number(verify["limit_ops_per_sec"]),
                 f"{1 / verify['ratio']:.2f} raw verifications each", "2.5"])
    page.section(
        "Signatures",
        "RSA-2048 with SHA-256 on one processor. Verification takes the form field and returns the checked "
        "assertion: base64, XML, canonicalization, digest, signature, conditions.",
        ["operation", "per second", "raw, per second", "ratio", "goal"],
        rows,
    )
    return 1000 / sign["limit_ops_per_sec"]


def start(page, rehearsal, arguments):
    [measured] = rehearsal.bench("start")
    whole, keys, rest, resident = [], [], [], []
    # The time to make a key is left to chance: from 30 to 300 ms on the same machine.
    for _ in range(5 * arguments.rounds):
        server, _, took = rehearsal.up()
        whole.append(took * 1000)
        keys.append(server.key_ms())
        rest.append(whole[-1] - keys[-1])
        resident.append(server.resident())
        server.stop()
    page.section(
        "Start and memory",
        "`up` makes two RSA keys at each start, both at the same time, and everything else after them.",
        ["what", "measured", "goal"],
        [
            ["all parties in process, from Rust", f"{number(measured['p50_us'] / 1000)} ms", "30 ms"],
            ["`rehearsal up` until its ready file", f"{number(median(whole))} ms", ""],
            ["… making the keys", f"{number(median(keys))} ms", ""],
            ["… the time beyond making the keys", f"{number(median(rest))} ms", "150 ms"],
            ["resident memory of `up` after the start", f"{number(median(resident))} MB", "45 MB"],
        ],
    )


def directory(page, rehearsal, arguments):
    measured = rehearsal.bench("scim", "--users", arguments.users)
    rows = [[it["name"], number(it["ops_per_sec"]), f"{it['p99_us'] / 1000:.1f} ms"] for it in measured]
    page.section(
        "SCIM by size of the directory",
        "`rehearsal bench scim`, in one process with the portal. The goal is that the rate at the largest "
        "directory is at least 0.8 of that at 1,000 users.",
        ["operation", "per second", "p99"],
        rows,
    )
    [sync, *_] = rehearsal.bench("sync", "--users", arguments.users)
    page.section(
        "First synchronization",
        "`rehearsal bench sync`: the simulated identity provider provisions a directory to the portal. The goal is "
        "1 ms for each user.",
        ["what", "users per second", "ms per user"],
        [[sync["name"], number(sync["ops_per_sec"]), number(1000 / sync["ops_per_sec"])]],
    )


def scenarios(page, rehearsal, arguments):
    times = []
    for _ in range(arguments.rounds):
        began = time.monotonic()
        rehearsal.run("run", check=False)
        times.append(time.monotonic() - began)
    page.section(
        "Scenarios",
        "`rehearsal run`: all scenarios of the guide, each with parties of its own.",
        ["what", "measured", "goal"],
        [["all scenarios", f"{number(median(times))} s", "6 s"]],
    )


def checks(page, rehearsal, arguments):
    """The checks at the project's own parties. All find nothing there."""
    metadata, port = rehearsal.folder / "idp.xml", free_port()
    played = ["--idp-port", port, "--idp-metadata-out", metadata]
    rehearsal.run("check", "sp", "--prepare", *played)
    server, ready, _ = rehearsal.up("--idp-metadata", metadata)
    portal, user = ready["sp"], "grace@lumen.example"
    sp = [
        "check", "sp", "--quiet", *played,
        "--metadata", portal["metadata_url"],
        "--start-url", f"{portal['sso_start_url']}?email={user}",
        "--probe-url", portal["whoami_url"],
        "--logout-url", portal["base_url"] + "/logout",
        "--user", user,
        "--expect", '"(user|email)": ?"' + re.escape(user) + '"',
    ]
    scim = ["check", "scim", "--quiet", "--base-url", portal["scim_base_url"], "--token", portal["scim_bearer_token"]]
    rows = []
    for name, command, goal in (
        ("`check sp`, all checks", sp, "15 s"),
        ("`check sp --only SAML-SP-XSW-03`", [*sp, "--only", "SAML-SP-XSW-03"], "1 s"),
        ("`check scim`, all checks", scim, ""),
    ):
        times = []
        for _ in range(arguments.rounds):
            began = time.monotonic()
            rehearsal.run(*command)
            times.append(time.monotonic() - began)
        rows.append([name, f"{number(median(times))} s", goal])
    server.stop()
    page.section("Checks", "A whole run at the portal, from the command line.", ["what", "measured", "goal"], rows)


def machine():
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return f"{os.cpu_count()} processors ({model[1] if model else 'unknown'}), {int(memory[1]) // 1024 ** 2} GB"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rehearsal", type=lambda it: Path(it).resolve(), required=True)
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--login-peer", type=Path, help="folder with saml-idp and node-saml")
    parser.add_argument("--scim-peer", type=Path, help="the command scim2-server")
    parser.add_argument("--seconds", type=int, default=5, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", type=int, default=100_000, help="in the largest directory")
    arguments = parser.parse_args()
    page = Page()
    with tempfile.TemporaryDirectory() as folder:
        rehearsal = Rehearsal(arguments.rehearsal, Path(folder), arguments.seconds)
        version = rehearsal.run("--version").strip()
        raw_ms = primitives(page, rehearsal)
        logins(page, rehearsal, arguments, raw_ms)
        scim(page, rehearsal, arguments)
        start(page, rehearsal, arguments)
        scenarios(page, rehearsal, arguments)
        checks(page, rehearsal, arguments)
        directory(page, rehearsal, arguments)
    text = (
        "# Figures\n\n"
        "`scripts/figures.sh` measures everything on this page and writes it again. Ratios can be compared "
        "between machines, rates cannot: what a ratio compares ran alternately in the same run, and the ratio is the "
        "median of the rounds. A ratio in bold compares this project with a product of another project. A goal is what "
        "the project wants to reach; a figure that misses it is shown all the same.\n\n"
        f"Machine: {machine()}. Date: {time.strftime('%Y-%m-%d')}. Build: {version}, release.\n\n"
    )
    arguments.page.write_text(text + "\n\n".join(page.sections) + "\n")


main()
