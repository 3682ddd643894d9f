"""pysaml2 logs in through the mock IdP."""

import sys

import idp
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig

signed, kind = sys.argv[1:3]
entity = f"https://pysaml2.example/{signed}/{kind}"
acs = f"{entity}/acs"
metadata = idp.Idp().application(entity, acs, signed, kind)

config = SPConfig().load(
    {
        "entityid": entity,
        "metadata": {"inline": [idp.fetched(metadata)]},
        "service": {
            "sp": {
                "endpoints": {"assertion_consumer_service": [(acs, BINDING_HTTP_POST)]},
                "allow_unsolicited": False,
                "want_response_signed": signed != "assertion",
                "want_assertions_signed": signed != "response",
                "authn_requests_signed": False,
                # The attributes are this application's own names.
                "allow_unknown_attributes": True,
            }
        },
        "allow_unknown_attributes": True,
    }
)
client = Saml2Client(config)
request_id, sent = client.prepare_for_authenticate(
    relay_state="where-i-was", binding=BINDING_HTTP_REDIRECT
)
form = idp.sign_on(dict(sent["headers"])["Location"])
idp.demand("RelayState", "where-i-was", form.get("RelayState"))

response = client.parse_authn_request_response(
    form["SAMLResponse"], BINDING_HTTP_POST, outstanding={request_id: "/"}
)
idp.demand("NameID", "ada@example.com", response.name_id.text)
for name, values in idp.EXPECTED.items():
    idp.demand(name, values, response.ava.get(name))
