# shellcheck shell=bash
# Functions of the scripts that run an Apache module as a service provider.

# new_folder PORT IDP-METADATA — sets $port, $idp (the path of the metadata), $base (the address of
# the server) and $folder: a temporary folder with the service provider's key. SP_KEYS has the
# certificate of the server (tls.crt, tls.key): both modules set cookies that need HTTPS.
new_folder() {
    # shellcheck disable=SC2034 # for the script that sources this one
    port=$1 idp=$(realpath "$2")
    # shellcheck disable=SC2034
    base=https://127.0.0.1:$port
    folder=$(mktemp -d)
    # Apache's children run as another user if root starts them.
    chmod 755 "$folder"
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=sp \
        -keyout "$folder/sp.key" -out "$folder/sp.crt" 2>/dev/null
    # The page of --probe-url: the module sets REMOTE_USER.
    mkdir -p "$folder/htdocs"
    echo 'user=<!--#echo var="REMOTE_USER" -->;' >"$folder/htdocs/whoami.shtml"
    echo 'a public page' >"$folder/htdocs/index.html"
}

# apache_conf PORT MODULE… — prints the configuration of a server with these modules.
apache_conf() {
    local port=$1 module
    shift
    echo "ServerRoot $folder"
    echo "ServerName https://127.0.0.1:$port"
    echo "Listen 127.0.0.1:$port"
    echo "PidFile $folder/httpd.pid"
    echo "DefaultRuntimeDir $folder"
    for module in mpm_event mime dir authn_core authz_core authz_user env filter include socache_shmcb ssl "$@"; do
        grep -h ^LoadModule "/etc/apache2/mods-available/$module.load"
    done
    echo "SSLEngine on
SSLCertificateFile $SP_KEYS/tls.crt
SSLCertificateKeyFile $SP_KEYS/tls.key
User www-data
Group www-data
ErrorLog $folder/error.log
LogLevel info
TypesConfig /etc/mime.types
DocumentRoot $folder/htdocs
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
<Directory $folder/htdocs>
    Options +Includes
    Require all granted
</Directory>"
}
