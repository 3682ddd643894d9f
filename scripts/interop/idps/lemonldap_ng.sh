#!/usr/bin/env bash
# Runs LemonLDAP::NG as an identity provider with the users of its demonstration.
# Arguments: port, folder with idp.key, idp.crt, tls.key and tls.crt, the service provider's metadata.
set -euo pipefail
port=$1 folder=$2 sp=$3
# shellcheck source=../lemonldap_ng.sh
. "$(dirname "$0")/../lemonldap_ng.sh"
run_lemonldap_ng "$port" "$folder/lemonldap-ng" "$folder/tls.key" "$folder/tls.crt" < <(jq --null-input --rawfile key "$folder/idp.key" --rawfile certificate "$folder/idp.crt" --rawfile sp "$sp" '{
    issuerDBSAMLActivation: 1,
    samlServicePrivateKeySig: $key, samlServicePublicKeySig: $certificate,
    samlSPMetaDataXML: { sp: { samlSPMetaDataXML: $sp } },
    samlSPMetaDataOptions: { sp: {
        samlSPMetaDataOptionsNameIDFormat: "email",
        samlSPMetaDataOptionsSignSSOMessage: 1, samlSPMetaDataOptionsSignSLOMessage: 1,
        samlSPMetaDataOptionsCheckSSOMessageSignature: 1, samlSPMetaDataOptionsCheckSLOMessageSignature: 1
    } },
    samlSPMetaDataExportedAttributes: { sp: { mail: "1;mail;;", uid: "1;uid;;", cn: "0;cn;;" } }
}')
