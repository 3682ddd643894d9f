"""python3-saml from 1.3.0 as a service provider, strict: PORT IDP-METADATA. The web application is that
of scripts/interop/sps, which has to be in PYTHONPATH."""

import sys

import web
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.settings import OneLogin_Saml2_Settings

port, idp = int(sys.argv[1]), sys.argv[2]
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
            "NameIDFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        },
        "security": {
            "wantAssertionsSigned": True,
            "rejectDeprecatedAlgorithm": True,
        },
    },
    parsed,
)


def auth(form):
    return OneLogin_Saml2_Auth(
        {
            "https": "off",
            "http_host": f"127.0.0.1:{port}",
            # Versions before 1.5 take the port from here alone.
            "server_port": str(port),
            "script_name": "/acs",
            "get_data": {},
            "query_string": "",
            "post_data": form,
        },
        settings,
    )


class Provider:
    def metadata(self):
        text = OneLogin_Saml2_Settings(settings, sp_validation_only=True).get_sp_metadata()
        # Bytes in some versions.
        return text if isinstance(text, str) else text.decode()

    def login(self, browser):
        starting = auth({})
        url = starting.login()
        browser.request = starting.get_last_request_id()
        return url

    def acs(self, application, browser, form):
        ending = auth(form)
        ending.process_response(request_id=browser.request)
        if ending.get_errors() or not ending.is_authenticated():
            raise PermissionError(f"{ending.get_errors()}: {ending.get_last_error_reason()}")
        return web.User(ending.get_nameid())


web.serve(port, Provider())
