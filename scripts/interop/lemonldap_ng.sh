# shellcheck shell=bash
# A function of the scripts that run LemonLDAP::NG (Debian: lemonldap-ng, liblasso-perl), as an
# identity provider and as a service provider.

# run_lemonldap_ng PORT FOLDER KEY CERTIFICATE — runs its portal over HTTPS, by Plack's own server, with
# the settings that the package installs and with those of standard input (a JSON object). Configuration
# and sessions are in FOLDER.
run_lemonldap_ng() {
    local port=$1 folder=$2 key=$3 certificate=$4
    mkdir -p "$folder"/{conf,cache,sessions/lock,psessions/lock,notifications}
    cat >"$folder/lemonldap-ng.ini" <<INI
[all]
logLevel = notice
logger = Lemonldap::NG::Common::Logger::Std
[configuration]
type = File
dirName = $folder/conf
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
INI
    jq --slurpfile installed /var/lib/lemonldap-ng/conf/lmConf-1.json --arg folder "$folder" --arg port "$port" '
        def store($name): {
            Directory: "\($folder)/\($name)", LockDirectory: "\($folder)/\($name)/lock",
            generateModule: "Lemonldap::NG::Common::Apache::Session::Generate::SHA256"
        };
        $installed[0] + {
            portal: "https://127.0.0.1:\($port)/", domain: "127.0.0.1", securedCookie: 1, notification: 0,
            globalStorageOptions: store("sessions"), persistentStorageOptions: store("psessions"),
            localSessionStorageOptions: {
                cache_root: "\($folder)/cache", cache_depth: 3, default_expires_in: 600, namespace: "sessions"
            }
        } + .' >"$folder/conf/lmConf-1.json"
    # Over TLS, this server counts characters where it writes bytes: a name in a header that is not ASCII
    # truncates the headers. As bytes, both numbers are equal. "deployment", because Plack otherwise judges
    # each answer itself, and replaces it by an error.
    local bytes='enable sub {
        my $portal = shift;
        sub { my $answer = $portal->(@_); utf8::downgrade($_) for @{ $answer->[1] }; $answer }
    }'
    LLNG_DEFAULTCONFFILE=$folder/lemonldap-ng.ini exec plackup -E deployment -e "$bytes" \
        --host 127.0.0.1 --port "$port" --enable-ssl --ssl-key-file "$key" --ssl-cert-file "$certificate" \
        /usr/share/lemonldap-ng/portal/htdocs/index.psgi
}
