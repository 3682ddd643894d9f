"""python3-saml, strict, logs in through the mock IdP."""

import base64
import sys

import idp
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.utils import OneLogin_Saml2_XML

signed, kind = sys.argv[1:3]
entity = f"https://python3-saml.example/{signed}/{kind}"
acs = f"{entity}/acs"
metadata = idp.Idp().application(entity, acs, signed, kind)

settings = OneLogin_Saml2_IdPMetadataParser.merge_settings(
    {
        "strict": True,
        "sp": {"entityId": entity, "assertionConsumerService": {"url": acs}},
        "security": {
            "wantAssertionsSigned": signed != "response",
            "wantMessagesSigned": signed != "assertion",
            "wantNameId": True,
            "wantAttributeStatement": True,
            "rejectUnsolicitedResponsesWithInResponseTo": True,
        },
    },
    OneLogin_Saml2_IdPMetadataParser.parse(idp.fetched(metadata)),
)
settings["sp"]["NameIDFormat"] = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"


def request(form):
    return {
        "https": "on",
        "http_host": "python3-saml.example",
        "script_name": f"/{signed}/{kind}/acs",
        "get_data": {},
        "post_data": form,
    }


starting = OneLogin_Saml2_Auth(request({}), settings)
form = idp.sign_on(starting.login(return_to="where-i-was"))
idp.demand("RelayState", "where-i-was", form.get("RelayState"))

# The schemas that come with the library are OASIS' own.
for text, schema in (
    (idp.fetched(metadata).encode(), "saml-schema-metadata-2.0.xsd"),
    (base64.b64decode(form["SAMLResponse"]), "saml-schema-protocol-2.0.xsd"),
):
    judged = OneLogin_Saml2_XML.validate_xml(text, schema, False)
    if isinstance(judged, str):
        raise SystemExit(f"{schema}: {judged}")

ending = OneLogin_Saml2_Auth(request(form), settings)
ending.process_response(request_id=starting.get_last_request_id())
if ending.get_errors() or not ending.is_authenticated():
    raise SystemExit(f"{ending.get_errors()}: {ending.get_last_error_reason()}")
idp.demand("NameID", "ada@example.com", ending.get_nameid())
for name, values in idp.EXPECTED.items():
    idp.demand(name, values, ending.get_attributes().get(name))
