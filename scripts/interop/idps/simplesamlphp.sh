#!/usr/bin/env bash
# Configures SimpleSAMLphp (Debian's package) as an identity provider with one
# user and the guide's attributes, and runs it by PHP's own server.
# Arguments: port, folder with idp.key and idp.crt, the service provider's base
# URL and its certificate (base64).
set -euo pipefail
port=$1 folder=$2 sp=$3 certificate=$4
config=$folder/ssp
mkdir -p "$config/metadata" "$config/log" "$config/tmp"
cat > "$config/config.php" <<PHP
<?php
\$config = [
    'baseurlpath' => 'http://127.0.0.1:$port/',
    'certdir' => '$folder/', 'loggingdir' => '$config/log/', 'tempdir' => '$config/tmp/', 'datadir' => '$config/',
    'metadatadir' => '$config/metadata',
    'secretsalt' => 'interoperability', 'auth.adminpassword' => 'interoperability',
    'technicalcontact_name' => 'interop', 'technicalcontact_email' => 'interop@lumen.example',
    'timezone' => 'UTC', 'logging.handler' => 'file', 'logging.level' => 5,
    'enable.saml20-idp' => true, 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'store.type' => 'phpsession', 'session.phpsession.httponly' => true, 'session.cookie.secure' => false,
    'metadata.sources' => [['type' => 'flatfile', 'directory' => '$config/metadata']],
    'language.available' => ['en'], 'language.default' => 'en', 'theme.use' => 'default',
    'errorreporting' => true, 'showerrors' => true, 'production' => true,
];
PHP
cat > "$config/authsources.php" <<'PHP'
<?php
$config = ['users' => ['exampleauth:UserPass',
    'grace@lumen.example:Corp-2-maple-lantern' => [
        'name' => ['grace@lumen.example'], 'displayname' => ['Grace Hopper'],
        'objectidentifier' => ['7d3c1f0e-2b4a-4c6d-8e9f-0a1b2c3d4e5f'],
        'groups' => ['11111111-2222-4333-8444-555555555555', '66666666-7777-4888-9999-000000000000'],
    ]]];
PHP
cat > "$config/metadata/saml20-idp-hosted.php" <<'PHP'
<?php
$metadata['__DYNAMIC:1__'] = [
    'host' => '__DEFAULT__', 'privatekey' => 'idp.key', 'certificate' => 'idp.crt', 'auth' => 'users',
    'SingleSignOnServiceBinding' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'],
    'userid.attribute' => 'objectidentifier',
];
PHP
cat > "$config/metadata/saml20-sp-remote.php" <<PHP
<?php
\$metadata['$sp/metadata'] = [
    'AssertionConsumerService' => [
        ['Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', 'Location' => '$sp/acs', 'index' => 0, 'isDefault' => true],
        ['Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', 'Location' => '$sp/acs/second', 'index' => 1],
    ],
    'SingleLogoutService' => [['Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'Location' => '$sp/slo']],
    'keys' => [['type' => 'X509Certificate', 'signing' => true, 'encryption' => false, 'X509Certificate' => '$certificate']],
    'saml20.sign.assertion' => true, 'saml20.sign.response' => false,
];
PHP
export SIMPLESAMLPHP_CONFIG_DIR=$config
exec php -d display_errors=0 -d session.save_path="$config/tmp" -S "127.0.0.1:$port" -t /usr/share/simplesamlphp/www
