"""pysaml2 as a service provider: PORT IDP-METADATA.

As its documentation says, in "Configuration of PySAML2 entities" (Specific directives: sp; Complete
example) and in the program example/sp-wsgi that it refers to: signed requests, `conv_info` with the
endpoints, and the outstanding requests, which are those of one browser here. Signed assertions are
required. The documentation says nothing of replays: the example keeps its outstanding requests
forever, so the application answers each once, and remembers the IDs. It says nothing of the
signature of logout messages either; the example does not pass it, this application does.

With the folder SP_KEYS, its key signs and decrypts.
"""

import os
import sys
import urllib.parse

import web
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import create_metadata_string
from saml2.saml import NAMEID_FORMAT_EMAILADDRESS

port, idp = int(sys.argv[1]), sys.argv[2]
keys = os.environ.get("SP_KEYS")
base = f"{web.scheme}://127.0.0.1:{port}"
pair = {"key_file": f"{keys}/sp.key", "cert_file": f"{keys}/sp.crt"}
config = SPConfig().load(
    {
        "entityid": f"{base}/metadata",
        "metadata": {"local": [idp]},
        **({**pair, "encryption_keypairs": [pair]} if keys else {}),
        "service": {
            "sp": {
                "endpoints": {
                    "assertion_consumer_service": [(f"{base}/acs", BINDING_HTTP_POST)],
                    "single_logout_service": [(f"{base}/slo", BINDING_HTTP_REDIRECT)],
                },
                "name_id_format": [NAMEID_FORMAT_EMAILADDRESS],
                # The documentation's values; the default is SHA-1.
                "signing_algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
                "digest_algorithm": "http://www.w3.org/2001/04/xmlenc#sha512",
                "allow_unsolicited": False,
                "authn_requests_signed": bool(keys),
                "logout_requests_signed": bool(keys),
                "logout_responses_signed": bool(keys),
                "want_assertions_signed": True,
                # As in the example. An identity provider may sign the assertion only.
                "want_response_signed": False,
            }
        },
        # The attributes of the test users have names that no standard defines.
        "allow_unknown_attributes": True,
    }
)
client = Saml2Client(config)


def location(sent):
    return dict(sent["headers"])["Location"]


class Provider:
    def metadata(self):
        return create_metadata_string(None, config=config).decode()

    def login(self, browser):
        browser.request, sent = client.prepare_for_authenticate(binding=BINDING_HTTP_REDIRECT)
        return location(sent)

    def acs(self, application, browser, form):
        request = browser.request
        response = client.parse_authn_request_response(
            form["SAMLResponse"],
            BINDING_HTTP_POST,
            outstanding={request: "/"},
            conv_info={
                "remote_addr": "127.0.0.1",
                "request_uri": "/acs",
                "entity_id": config.entityid,
                "endpoints": config.getattr("endpoints", "sp"),
            },
        )
        # A NameID may be empty.
        if response is None or response.name_id is None or not response.name_id.text:
            raise PermissionError("the library returns no user")
        application.answer_request(browser, request)
        application.accept_once(response.id(), response.assertion.id)
        ends = response.session_not_on_or_after or None
        return web.User(response.name_id.text, response.session_info()["session_index"], ends, response.name_id)

    def logout(self, browser):
        [(binding, sent)] = client.global_logout(browser.user.login).values()
        assert binding == BINDING_HTTP_REDIRECT
        return location(sent)

    def slo(self, application, browser, query):
        fields = dict(urllib.parse.parse_qsl(query, True))
        if "SAMLResponse" in fields:
            answer = client.parse_logout_request_response(fields["SAMLResponse"], BINDING_HTTP_REDIRECT)
            # It fails if the library sent no such LogoutRequest.
            client.handle_logout_response(answer)
            browser.user = None
            return "/"
        passed = {
            "relay_state": fields.get("RelayState"),
            "sigalg": fields.get("SigAlg"),
            "signature": fields.get("Signature"),
        }
        request = client.parse_logout_request(fields["SAMLRequest"], BINDING_HTTP_REDIRECT, **passed).message
        application.accept_once(request.id)
        sent = client.handle_logout_request(fields["SAMLRequest"], request.name_id, BINDING_HTTP_REDIRECT, **passed)
        application.end_sessions(request.name_id.text, [one.text for one in request.session_index])
        return location(sent)


web.serve(port, Provider())
