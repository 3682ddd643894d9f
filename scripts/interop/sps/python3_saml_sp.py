"""python3-saml as a service provider, strict: PORT IDP-METADATA."""

import sys
import urllib.parse

import web
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.settings import OneLogin_Saml2_Settings

port, idp = int(sys.argv[1]), sys.argv[2]
base = f"http://127.0.0.1:{port}"
with open(idp) as file:
    parsed = OneLogin_Saml2_IdPMetadataParser.parse(file.read())
settings = OneLogin_Saml2_IdPMetadataParser.merge_settings(
    {
        "strict": True,
        "sp": {
            "entityId": f"{base}/metadata",
            "assertionConsumerService": {"url": f"{base}/acs"},
            "singleLogoutService": {"url": f"{base}/slo"},
            "NameIDFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        },
        "security": {
            "wantAssertionsSigned": True,
            "rejectUnsolicitedResponsesWithInResponseTo": True,
            "rejectDeprecatedAlgorithm": True,
        },
    },
    parsed,
)


def auth(form, query="", path="/acs"):
    return OneLogin_Saml2_Auth(
        {
            "https": "off",
            "http_host": f"127.0.0.1:{port}",
            # Versions before 1.5 take the port from here alone.
            "server_port": str(port),
            "script_name": path,
            "get_data": dict(urllib.parse.parse_qsl(query, True)),
            "query_string": query,
            "post_data": form,
        },
        settings,
    )


class Provider:
    def metadata(self):
        return OneLogin_Saml2_Settings(settings, sp_validation_only=True).get_sp_metadata()

    def login(self, browser):
        starting = auth({})
        url = starting.login()
        browser.requests = {starting.get_last_request_id(): "/"}
        return url

    def acs(self, browser, form):
        ending = auth(form)
        request = next(iter(browser.requests), None)
        ending.process_response(request_id=request)
        if ending.get_errors() or not ending.is_authenticated():
            raise PermissionError(f"{ending.get_errors()}: {ending.get_last_error_reason()}")
        return ending.get_nameid()

    def slo(self, browser, query):
        ending = auth({}, query, "/slo")

        def end():
            browser.user = None

        url = ending.process_slo(delete_session_cb=end)
        if ending.get_errors():
            raise PermissionError(f"{ending.get_errors()}: {ending.get_last_error_reason()}")
        return url or "/whoami"


web.serve(port, Provider())
