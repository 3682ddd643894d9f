#!/usr/bin/env bash
# mod_auth_mellon (Debian: apache2, libapache2-mod-auth-mellon), configured as its README says, with
# a key for signatures and encryption. Arguments: PORT IDP-METADATA
set -euo pipefail
here=$(dirname "$0")
# shellcheck source=apache.sh
. "$here/apache.sh"
new_folder "$@"
{
    apache_conf "$port" auth_mellon
    cat <<CONF
MellonLockFile $folder/mellon.lock
<Location />
    MellonEnable info
    MellonEndpointPath /mellon
    MellonSPentityId $base/mellon/metadata
    MellonSPPrivateKeyFile $folder/sp.key
    MellonSPCertFile $folder/sp.crt
    MellonIdPMetadataFile $idp
    MellonSecureCookie On
    MellonCookieSameSite None
    MellonUser NAME_ID
</Location>
<Location /whoami.shtml>
    AuthType Mellon
    MellonEnable auth
    Require valid-user
</Location>
CONF
} >"$folder/httpd.conf"
trap 'kill "${apache:-}" 2>/dev/null; wait; rm -rf "$folder"' EXIT
trap exit TERM INT
apache2 -f "$folder/httpd.conf" -DFOREGROUND &
apache=$!
wait "$apache"
