#!/usr/bin/env python3
"""Writes the licenses of all crates that are compiled into the binary, with their texts.

    scripts/release/licenses.py FILE [TARGET]    TARGET [default: every platform]

The list comes from `cargo metadata`: the normal dependencies of the crate `rehearsal` with the
feature `command`. The texts are the files that each crate publishes. A crate without such a file
gets the standard text of its license: with the authors that it names for MIT and BSD, or as
another crate has it for licenses that name no holder. Where that is not possible, the command fails
and names the crate. C code in a crate (AWS-LC, SQLite) is under the files of that crate.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = re.compile(r"(?i)^(un)?licen[cs]e|^copying|^copyright|^notice")

MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""

BSD = """Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""

# Licenses whose text names no holder: every crate under them has the same one.
WITHOUT_HOLDER = ("MPL-2.0", "BlueOak-1.0.0")


def dependencies(target):
    """Returns the packages from other projects that are compiled into the binary, sorted."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--features", "command"]
    command += ["--manifest-path", str(ROOT / "harness/Cargo.toml")]
    if target:
        command += ["--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    todo = [id for id, package in packages.items() if package["name"] == "rehearsal"]
    found = set(todo)
    while todo:
        for dependency in nodes[todo.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in found:
                found.add(dependency["pkg"])
                todo.append(dependency["pkg"])
    others = [packages[id] for id in found if packages[id]["source"]]
    return sorted(others, key=lambda package: (package["name"], package["version"]))


def standard_text(package, packages):
    """Returns the text for a package that publishes none, or None if it cannot be known."""
    license = package["license"] or ""
    choices = [] if " AND " in license else re.split(r" OR |/", license)
    holder = ", ".join(package["authors"]) or f"the authors of {package['name']}"
    if "Apache-2.0" in choices:
        return (ROOT / "LICENSE").read_text()
    if "MIT" in choices:
        return f"MIT License\n\nCopyright (c) {holder}\n\n{MIT}"
    if "BSD-2-Clause" in choices:
        return f"BSD 2-Clause License\n\nCopyright (c) {holder}\n\n{BSD}"
    if license in WITHOUT_HOLDER:
        for other in packages:
            if other["license"] == license and (found := published_texts(other)):
                return found[0]
    return None


def published_texts(package):
    """Returns the license texts that a package publishes."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = sorted(path for path in folder.iterdir() if path.is_file() and NAMES.match(path.name))
    files += sorted(path for path in (folder / "LICENSES").glob("*") if path.is_file())
    if package["license_file"]:
        files.append((folder / package["license_file"]).resolve())
    found = []
    for path in files:
        # One with other line ends or spaces is the same text.
        text = path.read_text(errors="replace").replace("\r\n", "\n")
        text = "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"
        if text not in found:
            found.append(text)
    return found


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: scripts/release/licenses.py FILE [TARGET]")
    packages = dependencies(sys.argv[2] if len(sys.argv) == 3 else None)
    users = collections.OrderedDict()
    missing = []
    lines = [
        "Rehearsal is licensed under the Apache License 2.0, see the file LICENSE.",
        "",
        f"The binary contains code of {len(packages)} crates of other projects. Name, version and",
        "license of each, then the texts:",
        "",
    ]
    for package in packages:
        name = f"{package['name']} {package['version']}"
        place = package["repository"] or f"https://crates.io/crates/{package['name']}"
        lines.append(f"{name}: {package['license'] or 'see its text'} ({place})")
        found = published_texts(package) or [standard_text(package, packages)]
        if found == [None]:
            missing.append(f"{name} ({package['license']})")
        for text in found:
            users.setdefault(text, []).append(name)
    if missing:
        sys.exit("cannot find the license text of " + ", ".join(missing))
    for text, names in users.items():
        lines += ["", "=" * 80, ", ".join(names), "=" * 80, "", text.rstrip("\n")]
    pathlib.Path(sys.argv[1]).write_text("\n".join(lines) + "\n")
    print(f"{sys.argv[1]}: {len(packages)} crates, {len(users)} texts")


if __name__ == "__main__":
    main()
