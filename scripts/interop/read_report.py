"""Checks a report of `rehearsal check`: each finding must quote an exchange.

A third argument, `keeps`, says that the server keeps resources; the report must then name them.
With `may-keep` the report may name some."""

import json
import sys

name, path, *keeps = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    report = json.load(file)
summary = report["summary"]
findings = [one for one in report["checks"] if one["verdict"] == "fail"]
for one in findings:
    exchanges = one["evidence"]
    assert exchanges, f"{one['id']} quotes nothing"
    for exchange in exchanges:
        assert exchange["request"]["method"] and exchange["request"]["target"], one["id"]
        assert "status" in exchange["answer"] or "none" in exchange["answer"], one["id"]
    print(f"{name}: {one['id']} ({one['level']}) {one['actual'][:160]}")
clean = next(one for one in report["checks"] if one["id"] == "SCIM-CLEAN-01")
allowed = {"keeps": ["warn"], "may-keep": ["pass", "warn"]}[keeps[0]] if keeps else ["pass"]
assert clean["verdict"] in allowed, clean["actual"]
print(f"{name}: {summary['passed']} passed, {len(findings)} findings, "
      f"{summary['warned']} warnings, {summary['skipped']} skipped")
