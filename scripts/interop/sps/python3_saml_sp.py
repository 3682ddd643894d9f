"""python3-saml as a service provider, strict: PORT IDP-METADATA.

With the folder SP_KEYS, LogoutRequests are signed with its sp.key.
"""

import os
import sys
import urllib.parse

import web
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.settings import OneLogin_Saml2_Settings

port, idp = int(sys.argv[1]), sys.argv[2]
keys = os.environ.get("SP_KEYS")
base = f"http://127.0.0.1:{port}"


def read(path):
    with open(path) as file:
        return file.read()


parsed = OneLogin_Saml2_IdPMetadataParser.parse(read(idp))
settings = OneLogin_Saml2_IdPMetadataParser.merge_settings(
    {
        "strict": True,
        "sp": {
            "entityId": f"{base}/metadata",
            "assertionConsumerService": {"url": f"{base}/acs"},
            "singleLogoutService": {"url": f"{base}/slo"},
            "NameIDFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
            "x509cert": read(f"{keys}/sp.crt") if keys else "",
            "privateKey": read(f"{keys}/sp.key") if keys else "",
        },
        "security": {
            "wantAssertionsSigned": True,
            "rejectUnsolicitedResponsesWithInResponseTo": True,
            "rejectDeprecatedAlgorithm": True,
            "logoutRequestSigned": bool(keys),
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
        text = OneLogin_Saml2_Settings(settings, sp_validation_only=True).get_sp_metadata()
        # Bytes if there is a key.
        return text if isinstance(text, str) else text.decode()

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
        browser.session = ending
        return ending.get_nameid()

    def logout(self, browser):
        login = browser.session
        if login is None:
            return "/whoami"
        starting = auth({}, "", "/logout")
        url = starting.logout(
            name_id=login.get_nameid(),
            session_index=login.get_session_index(),
            nq=login.get_nameid_nq(),
            name_id_format=login.get_nameid_format(),
            spnq=login.get_nameid_spnq(),
        )
        browser.requests["logout"] = starting.get_last_request_id()
        return url

    def slo(self, browser, query):
        ending = auth({}, query, "/slo")

        def end():
            browser.user = None

        asked = browser.requests.pop("logout", None)
        url = ending.process_slo(request_id=asked, delete_session_cb=end)
        if ending.get_errors():
            raise PermissionError(f"{ending.get_errors()}: {ending.get_last_error_reason()}")
        return url or "/whoami"


web.serve(port, Provider())
