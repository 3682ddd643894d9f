"""Sets port and token of a SCIM Gateway plugin: scimgateway_config.py FILE PORT TOKEN"""

import json
import sys

file, port, token = sys.argv[1:]
with open(file) as source:
    config = json.load(source)
gateway = config["scimgateway"]
gateway["port"] = int(port)
gateway["localhostonly"] = True
gateway["auth"]["bearerToken"][0]["token"] = token
gateway["log"]["loglevel"] = {"file": "off", "console": "error"}
with open(file, "w") as target:
    json.dump(config, target, indent=2)
