#!/usr/bin/env bash
# The Shibboleth service provider (Debian: apache2, libapache2-mod-shib), configured as the file
# that it installs, with signed messages and a key for encryption. Its memory keeps the sessions
# and the IDs of assertions. Arguments: PORT IDP-METADATA
#
# With METADATA_URL, it fetches the metadata of the identity provider from there every second, and
# requires the signature of the certificate METADATA_SIGNER.
set -euo pipefail
here=$(dirname "$0")
# shellcheck source=apache.sh
. "$here/apache.sh"
new_folder "$@"
provider='<MetadataProvider type="XML" validate="true" path="'$idp'"/>'
[ -z "${METADATA_URL:-}" ] || provider='<MetadataProvider type="XML" validate="true" url="'$METADATA_URL'"
        backingFilePath="'$folder'/idp.xml" minRefreshDelay="1" maxRefreshDelay="1" reloadInterval="1">
      <MetadataFilter type="Signature" certificate="'$METADATA_SIGNER'"/>
    </MetadataProvider>'
idp_entity=$(sed -n 's/.*entityID="\([^"]*\)".*/\1/p' "$idp" | head -1)
for file in attribute-policy.xml security-policy.xml protocols.xml; do cp "/etc/shibboleth/$file" "$folder/"; done

# The files of logs are in /var otherwise.
for part in shibd native; do
    echo "log4j.rootCategory=INFO, file
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.fileName=$folder/$part.log
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d{%H:%M:%S} %p %c %x: %m%n" >"$folder/$part.logger"
    touch "$folder/$part.log"
    chmod 666 "$folder/$part.log"
done

# The user is the NameID. The installed map knows only the format persistent.
{
    echo '<Attributes xmlns="urn:mace:shibboleth:2.0:attribute-map" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    for format in 1.1:nameid-format:emailAddress 1.1:nameid-format:unspecified 2.0:nameid-format:persistent 2.0:nameid-format:transient; do
        echo "<Attribute name=\"urn:oasis:names:tc:SAML:$format\" id=\"user\">
          <AttributeDecoder xsi:type=\"NameIDAttributeDecoder\" formatter=\"\$Name\"/></Attribute>"
    done
    echo '</Attributes>'
} >"$folder/attribute-map.xml"

cat >"$folder/shibboleth2.xml" <<XML
<SPConfig xmlns="urn:mace:shibboleth:3.0:native:sp:config" clockSkew="180"
    logger="$folder/shibd.logger">
  <OutOfProcess logger="$folder/shibd.logger"/>
  <InProcess logger="$folder/native.logger"/>
  <UnixListener address="$folder/shibd.sock"/>
  <ApplicationDefaults entityID="$base/shibboleth" REMOTE_USER="user" signing="true">
    <Sessions lifetime="28800" timeout="3600" relayState="ss:mem" checkAddress="false"
        handlerSSL="true" cookieProps="https" redirectLimit="exact">
      <SSO entityID="$idp_entity">SAML2</SSO>
      <Logout>SAML2 Local</Logout>
      <Handler type="MetadataGenerator" Location="/Metadata" signing="false"/>
      <Handler type="Session" Location="/Session" showAttributeValues="true"/>
    </Sessions>
    <Errors supportContact="root@localhost"/>
    $provider
    <AttributeExtractor type="XML" validate="true" reloadChanges="false" path="$folder/attribute-map.xml"/>
    <AttributeFilter type="XML" validate="true" path="$folder/attribute-policy.xml"/>
    <CredentialResolver type="File" use="signing" key="$folder/sp.key" certificate="$folder/sp.crt"/>
    <CredentialResolver type="File" use="encryption" key="$folder/sp.key" certificate="$folder/sp.crt"/>
  </ApplicationDefaults>
  <SecurityPolicyProvider type="XML" validate="true" path="$folder/security-policy.xml"/>
  <ProtocolProvider type="XML" validate="true" reloadChanges="false" path="$folder/protocols.xml"/>
</SPConfig>
XML

{
    apache_conf "$port" shib
    cat <<CONF
ShibConfig $folder/shibboleth2.xml
<Location /whoami.shtml>
    AuthType shibboleth
    # 401 without a session. With "requireSession 1" it would start a login.
    ShibRequestSetting requireSession 0
    Require shib-session
</Location>
CONF
} >"$folder/httpd.conf"

shibd -F -f -c "$folder/shibboleth2.xml" -p "$folder/shibd.pid" -w 30 &
daemon=$!
trap 'kill "$daemon" "${apache:-}" 2>/dev/null; wait; rm -rf "$folder"' EXIT
trap exit TERM INT
until [ -S "$folder/shibd.sock" ]; do
    kill -0 "$daemon"
    sleep 0.1
done
chmod 777 "$folder/shibd.sock"
apache2 -f "$folder/httpd.conf" -DFOREGROUND &
apache=$!
wait "$apache"
