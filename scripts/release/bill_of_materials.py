#!/usr/bin/env python3
"""Writes the bill of materials of the command in the CycloneDX format: all crates that are compiled into
it, on any platform. Needs cargo-cyclonedx.

    scripts/release/bill_of_materials.py FILE

cargo-cyclonedx takes its list from `cargo metadata`, in which crates have more features than they are
compiled with. What is not compiled is left out here, and so are the folders of this machine.
"""

import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from licenses import ROOT, dependencies

# It writes a file into the folder of each crate of the workspace.
NAME = "bill-of-materials.draft"


def generate():
    """Returns what cargo-cyclonedx writes, as text."""
    command = ["cargo", "cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--target", "all"]
    command += ["--features", "command", "--no-build-deps", "--override-filename", NAME]
    command += ["--manifest-path", str(ROOT / "harness/Cargo.toml")]
    when = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    environment = {"SOURCE_DATE_EPOCH": when.stdout.strip(), **os.environ}
    manifests = subprocess.run(["git", "ls-files", "*Cargo.toml"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    drafts = [(ROOT / path).parent / f"{NAME}.json" for path in manifests.stdout.splitlines()]
    try:
        subprocess.run(command, check=True, env=environment)
        return (ROOT / f"harness/{NAME}.json").read_text()
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: scripts/release/bill_of_materials.py FILE")
    bill = json.loads(generate().replace(f"path+file://{ROOT}/", "path+file:///rehearsal/"))
    compiled = {(it["name"], it["version"]) for it in dependencies(None)}
    components = [it for it in bill["components"] if is_own(it) or (it["name"], it["version"]) in compiled]
    missing = compiled - {(it["name"], it["version"]) for it in components}
    if missing:
        sys.exit(f"cargo-cyclonedx left out {sorted(missing)}")
    refs = {it["bom-ref"] for it in components} | {bill["metadata"]["component"]["bom-ref"]}
    bill["components"] = components
    bill["dependencies"] = [
        {**it, "dependsOn": [ref for ref in it.get("dependsOn", []) if ref in refs]}
        for it in bill["dependencies"]
        if it["ref"] in refs
    ]
    text = json.dumps(bill, indent=1, ensure_ascii=False) + "\n"
    if str(ROOT) in text:
        sys.exit(f"the bill of materials contains {ROOT}")
    pathlib.Path(sys.argv[1]).write_text(text)
    print(f"{sys.argv[1]}: {len(components)} components, CycloneDX {bill['specVersion']}")


def is_own(component):
    """True for the crates of this repository."""
    return component["bom-ref"].startswith("path+")


if __name__ == "__main__":
    main()
