#!/usr/bin/env bash
# NanoIDP with its defaults and one user. Arguments: nanoidp, port, folder, address of the service
# provider.
set -euo pipefail
nanoidp=$1 port=$2 folder=$3/nanoidp sp=$4
mkdir -p "$folder/config"
cd "$folder"
cat >config/settings.yaml <<YAML
config_version: 1
server: {host: 127.0.0.1, port: $port}
oauth: {issuer: "http://127.0.0.1:$port", audience: "$sp/metadata", clients: []}
saml: {default_acs_url: "$sp/acs", export_groups: true}
YAML
cat >config/users.yaml <<'YAML'
config_version: 1
users:
  grace@lumen.example:
    password: Corp-2-maple-lantern
    email: grace@lumen.example
    groups: [11111111-2222-4333-8444-555555555555, 66666666-7777-4888-9999-000000000000]
    attributes:
      name: grace@lumen.example
      displayname: Grace Hopper
      objectidentifier: 7d3c1f0e-2b4a-4c6d-8e9f-0a1b2c3d4e5f
YAML
exec "$nanoidp" --config config
