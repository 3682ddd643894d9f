#!/usr/bin/env bash
# LemonLDAP::NG (Debian: lemonldap-ng, liblasso-perl) as a service provider, configured as its manual
# says in "SAML service configuration" and, for authentication, "SAML": messages are signed, signatures,
# times and audiences are compared, and unsolicited Responses are refused. Its page `/mysession/?whoami`
# shows who is logged in. Arguments: PORT IDP-METADATA
set -euo pipefail
port=$1 idp=$2
# shellcheck source=../lemonldap_ng.sh
. "$(dirname "$0")/../lemonldap_ng.sh"
folder=$(mktemp -d)
trap 'kill "${portal:-}" 2>/dev/null; wait; rm -rf "$folder"' EXIT
trap exit TERM INT
# The cookie has SameSite=None, so that LogoutRequests by HTTP-POST arrive with it. The user of a session
# is the NameID ("_user"), and not an attribute. The rule "1" chooses this identity provider for everybody,
# so that no page asks for it.
run_lemonldap_ng "$port" "$folder" "$SP_KEYS/tls.key" "$SP_KEYS/tls.crt" < <(jq --null-input --rawfile key "$SP_KEYS/sp.key" --rawfile certificate "$SP_KEYS/sp.crt" --rawfile idp "$idp" '{
    authentication: "SAML", userDB: "Same", passwordDB: "Null", registerDB: "Null",
    sameSite: "None", whatToTrace: "_user", portalDisplayLogout: 1,
    samlServicePrivateKeySig: $key, samlServicePublicKeySig: $certificate,
    samlServiceSignatureMethod: "RSA_SHA256",
    samlIDPMetaDataXML: { idp: { samlIDPMetaDataXML: $idp } },
    samlIDPMetaDataOptions: { idp: {
        samlIDPMetaDataOptionsResolutionRule: 1,
        samlIDPMetaDataOptionsNameIDFormat: "email", samlIDPMetaDataOptionsSignatureMethod: "RSA_SHA256",
        samlIDPMetaDataOptionsSignSSOMessage: 1, samlIDPMetaDataOptionsSignSLOMessage: 1,
        samlIDPMetaDataOptionsCheckSSOMessageSignature: 1, samlIDPMetaDataOptionsCheckSLOMessageSignature: 1,
        samlIDPMetaDataOptionsCheckTime: 1, samlIDPMetaDataOptionsCheckAudience: 1,
        samlIDPMetaDataOptionsAllowLoginFromIDP: 0
    } },
    samlIDPMetaDataExportedAttributes: { idp: { mail: "0;email;;", uid: "0;uid;;" } }
}') &
portal=$!
wait "$portal"
