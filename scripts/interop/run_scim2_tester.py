"""Runs every check of scim2-tester against the server of a ready file."""

import json
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import check_server

with open(sys.argv[1], encoding="utf-8") as file:
    portal = json.load(file)["sp"]
client = Client(
    base_url=portal["scim_base_url"],
    headers={"Authorization": "Bearer " + portal["scim_bearer_token"]},
    timeout=30,
)
results = check_server(SyncSCIMClient(client))
counts = {}
for result in results:
    name = result.status.name
    counts[name] = counts.get(name, 0) + 1
    if name in ("DEVIATION", "ERROR", "CRITICAL"):
        print(f"{name} {result.title}: {result.reason}")
print("scim2-tester:", ", ".join(f"{counts[name]} {name.lower()}" for name in sorted(counts)))
if not results or "ERROR" in counts or "CRITICAL" in counts:
    sys.exit(1)
