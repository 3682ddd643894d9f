#!/usr/bin/env bash
# Configures LemonLDAP::NG (Debian: lemonldap-ng, liblasso-perl) as an identity provider with the
# users of its demonstration, and runs its portal by Plack's own server.
# Arguments: port, folder with idp.key and idp.crt, the service provider's metadata.
set -euo pipefail
port=$1 folder=$2 sp=$3
config=$folder/lemonldap-ng
mkdir -p "$config/conf" "$config/cache" "$config/sessions/lock" "$config/psessions/lock" "$config/notifications"
cat >"$config/lemonldap-ng.ini" <<INI
[all]
logLevel = notice
logger = Lemonldap::NG::Common::Logger::Std
[configuration]
type = File
dirName = $config/conf
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
INI
perl -MJSON -e '
    my ($port, $folder, $config, $sp) = @ARGV;
    sub content { local (@ARGV, $/) = @_; <> }
    my $settings = from_json(content("/var/lib/lemonldap-ng/conf/lmConf-1.json"));
    my $store = sub { +{
        Directory => "$config/$_[0]", LockDirectory => "$config/$_[0]/lock",
        generateModule => "Lemonldap::NG::Common::Apache::Session::Generate::SHA256",
    } };
    my %more = (
        portal => "https://127.0.0.1:$port/", domain => "127.0.0.1", securedCookie => 1,
        globalStorageOptions => $store->("sessions"), persistentStorageOptions => $store->("psessions"),
        localSessionStorageOptions => {
            cache_root => "$config/cache", cache_depth => 3, default_expires_in => 600, namespace => "sessions",
        },
        notification => 0,
        issuerDBSAMLActivation => 1,
        samlServicePrivateKeySig => content("$folder/idp.key"),
        samlServicePublicKeySig => content("$folder/idp.crt"),
        samlSPMetaDataXML => { sp => { samlSPMetaDataXML => content($sp) } },
        samlSPMetaDataOptions => { sp => {
            samlSPMetaDataOptionsNameIDFormat => "email",
            samlSPMetaDataOptionsSignSSOMessage => 1, samlSPMetaDataOptionsSignSLOMessage => 1,
            samlSPMetaDataOptionsCheckSSOMessageSignature => 1, samlSPMetaDataOptionsCheckSLOMessageSignature => 1,
        } },
        samlSPMetaDataExportedAttributes => { sp => { mail => "1;mail;;", uid => "1;uid;;", cn => "0;cn;;" } },
    );
    $settings->{$_} = $more{$_} for keys %more;
    open my $out, ">", "$config/conf/lmConf-1.json" or die;
    print $out to_json($settings);
' "$port" "$folder" "$config" "$sp"
export LLNG_DEFAULTCONFFILE=$config/lemonldap-ng.ini
exec plackup --host 127.0.0.1 --port "$port" --enable-ssl --ssl-key-file "$folder/tls.key" --ssl-cert-file "$folder/tls.crt" /usr/share/lemonldap-ng/portal/htdocs/index.psgi
