#!/usr/bin/env python3
"""Writes the table of docs/supply-chain.md: the crates for cryptography, XML, certificates, random
numbers and compression that are compiled into the binary, with their public audits and their
`unsafe` code.

    scripts/release/supply_chain.py            writes the table
    scripts/release/supply_chain.py --check    fails if the table is not current
    scripts/release/supply_chain.py --unsafe   prints the `unsafe` code of every dependency

Audits are those of docs/supply-chain.md itself: a line keeps its audit while the version stays. A
new version has the audit `none found` until somebody looks for one.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from licenses import ROOT, dependencies

PAGE = ROOT / "docs/supply-chain.md"
HEAD = "| crate | version | public audit | `unsafe` |\n|---|---|---|---|\n"
NONE = "none found"

FAMILIES = re.compile(
    r"adler2|argon2|asn1-rs|aws-lc|base64|bergshamra|blake2|block-buffer|chacha20|cipher|cmov|const-oid"
    r"|crc32fast|crypto-|ctutils|der$|der-parser|der_derive|digest|encoding_rs|flate2|getrandom|hkdf|hmac"
    r"|html5ever|jsonwebtoken|md-5|miniz_oxide|num-bigint-dig|oid-registry|password-hash|pem|pkcs\d"
    r"|quick-xml|rand$|rand_|rcgen|ring$|roxmltree|rsa$|rustls|sha1$|sha2$|signature|simd-adler32|spki"
    r"|subtle|tokio-rustls|universal-hash|untrusted|uppsala|webpki|x509|yasna|zeroize"
)
CODE = re.compile(r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|"(?:\\.|[^"\\])*"|\bunsafe\b', re.DOTALL)


def unsafe(package):
    """Returns how often `unsafe` begins a block, function, trait or implementation in a package."""
    folder = pathlib.Path(package["manifest_path"]).parent
    count = 0
    for path in folder.rglob("*.rs"):
        if path.relative_to(folder).parts[0] in ("tests", "benches", "examples", "fuzz"):
            continue
        text = path.read_text(errors="replace")
        count += sum(found.group(0) == "unsafe" for found in CODE.finditer(text))
    return count


def table(packages, page):
    """Returns the table, with the audits that the page has."""
    versions = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| \d+ \|$", page, re.M)
    known = {(name, version): audit for name, version, audit in versions}
    lines = []
    for package in packages:
        name, version = package["name"], package["version"]
        if FAMILIES.match(name):
            audit = known.get((name, version), NONE)
            lines.append(f"| `{name}` | {version} | {audit} | {unsafe(package)} |\n")
    return HEAD + "".join(lines)


def main():
    option = sys.argv[1] if len(sys.argv) == 2 else None
    if len(sys.argv) > 2 or option not in (None, "--check", "--unsafe"):
        sys.exit("usage: scripts/release/supply_chain.py [--check | --unsafe]")
    packages = dependencies(None)
    if option == "--unsafe":
        counts = sorted(((unsafe(it), f"{it['name']} {it['version']}") for it in packages), reverse=True)
        for count, name in counts:
            print(f"{count:6} {name}")
        free = sum(count == 0 for count, _ in counts)
        print(f"{free} of {len(counts)} dependencies have no `unsafe`")
        return
    page = PAGE.read_text()
    before, rest = page.split(HEAD, 1)
    after = re.sub(r"\A(\|[^\n]*\n)*", "", rest)
    current = before + table(packages, page) + after
    if option is None:
        PAGE.write_text(current)
    elif page != current:
        sys.exit(
            "docs/supply-chain.md is out of date: run scripts/release/supply_chain.py, and look for "
            "public audits of the new versions"
        )


if __name__ == "__main__":
    main()
