"""pysaml2 from 4.4.0 as a service provider: PORT IDP-METADATA. The web application is that
of scripts/interop/sps, which has to be in PYTHONPATH."""

import sys

import web
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import create_metadata_string

port, idp = int(sys.argv[1]), sys.argv[2]
base = f"http://127.0.0.1:{port}"
config = SPConfig().load(
    {
        "entityid": f"{base}/metadata",
        "metadata": {"local": [idp]},
        "service": {
            "sp": {
                "endpoints": {"assertion_consumer_service": [(f"{base}/acs", BINDING_HTTP_POST)]},
                "allow_unsolicited": False,
                "want_assertions_signed": True,
                "want_response_signed": False,
                "authn_requests_signed": False,
                "allow_unknown_attributes": True,
            }
        },
        "allow_unknown_attributes": True,
    }
)
client = Saml2Client(config)


class Provider:
    def metadata(self):
        return create_metadata_string(None, config=config).decode()

    def login(self, browser):
        browser.request, sent = client.prepare_for_authenticate(binding=BINDING_HTTP_REDIRECT)
        return dict(sent["headers"])["Location"]

    def acs(self, application, browser, form):
        response = client.parse_authn_request_response(
            form["SAMLResponse"], BINDING_HTTP_POST, outstanding={browser.request: "/"}
        )
        if response is None:
            raise PermissionError("the library returns no response")
        return web.User(response.name_id.text)


web.serve(port, Provider())
