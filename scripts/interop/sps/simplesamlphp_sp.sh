#!/usr/bin/env bash
# SimpleSAMLphp (Debian's package) as a service provider, configured as its manual says, with a key
# for signatures and encryption, signed logout messages in both bindings, and sessions in SQLite:
# only an SQL store finds a session by its NameID. PHP's own server runs it.
# Arguments: PORT IDP-METADATA
set -euo pipefail
port=$1 idp=$(realpath "$2")
base=http://127.0.0.1:$port
folder=$(mktemp -d)
# PHP's workers don't end with their parent, so its process group is ended.
set -m
trap 'kill -- "-${php:-}" 2>/dev/null; wait; rm -rf "$folder"' EXIT
trap exit TERM INT
mkdir -p "$folder"/{metadata,log,tmp,cert}
cp "$SP_KEYS/sp.key" "$SP_KEYS/sp.crt" "$folder/cert"
cat >"$folder/config.php" <<PHP
<?php
\$config = [
    'baseurlpath' => '$base/',
    'certdir' => '$folder/cert/', 'loggingdir' => '$folder/log/', 'tempdir' => '$folder/tmp/',
    'datadir' => '$folder/', 'metadatadir' => '$folder/metadata',
    'secretsalt' => '$(openssl rand -hex 16)', 'auth.adminpassword' => '$(openssl rand -hex 16)',
    'technicalcontact_name' => 'interop', 'technicalcontact_email' => 'interop@lumen.example',
    'timezone' => 'UTC', 'logging.handler' => 'errorlog', 'logging.level' => 5,
    'module.enable' => ['core' => true, 'saml' => true],
    'store.type' => 'sql', 'store.sql.dsn' => 'sqlite:$folder/store.sq3',
    'session.cookie.secure' => false,
    'metadata.sources' => [['type' => 'xml', 'file' => '$idp']],
    'language.available' => ['en'], 'language.default' => 'en', 'theme.use' => 'default',
    'errorreporting' => false, 'showerrors' => false, 'production' => true,
];
PHP
cat >"$folder/authsources.php" <<PHP
<?php
\$config = ['default-sp' => ['saml:SP',
    'entityID' => '$base/metadata',
    'idp' => null,
    'privatekey' => 'sp.key', 'certificate' => 'sp.crt',
    'sign.authnrequest' => true, 'sign.logout' => true, 'redirect.sign' => true,
    'redirect.validate' => true,
    'WantAssertionsSigned' => true,
    'acs.Bindings' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'],
    'SingleLogoutServiceBinding' => [
        'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
    ],
    'NameIDPolicy' => ['Format' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress', 'AllowCreate' => true],
]];
PHP
# The only identity provider is chosen here, so that no page asks for it.
entity=$(grep -o 'entityID="[^"]*"' "$idp" | head -n 1 | cut -d'"' -f2)
sed -i "s|'idp' => null|'idp' => '$entity'|" "$folder/authsources.php"
# The application: PHP's server asks it first.
cat >"$folder/application.php" <<PHP
<?php
\$path = parse_url(\$_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (\$path === '/metadata') {
    // The metadata page of the module needs its path.
    \$_SERVER['PATH_INFO'] = '/saml/sp/metadata.php/default-sp';
    require '/usr/share/simplesamlphp/www/module.php';
    return true;
}
if (\$path === '/') {
    echo 'a public page';
    return true;
}
if (!in_array(\$path, ['/login', '/whoami', '/logout'], true)) {
    return false;
}
require '/usr/share/simplesamlphp/lib/_autoload.php';
\$login = new \SimpleSAML\Auth\Simple('default-sp');
if (\$path === '/login') {
    \$login->login(['ReturnTo' => '$base/whoami']);
} elseif (\$path === '/logout') {
    \$login->logout('$base/');
} elseif (\$login->isAuthenticated()) {
    header('Content-Type: text/plain; charset=utf-8');
    \$name = \$login->getAuthData('saml:sp:NameID');
    echo 'user=', \$name === null ? '' : \$name->getValue(), ';';
} else {
    http_response_code(401);
    echo 'nobody is logged in';
}
PHP
export SIMPLESAMLPHP_CONFIG_DIR=$folder PHP_CLI_SERVER_WORKERS=4
php -d display_errors=0 -d post_max_size=64M -d memory_limit=512M \
    -S "127.0.0.1:$port" -t /usr/share/simplesamlphp/www "$folder/application.php" &
php=$!
wait "$php"
