"""python3-saml as a service provider: PORT IDP-METADATA.

As its README says, in "Security Warning" (`strict`, the certificate and not a fingerprint), "Avoiding
Replay attacks" and "Replay attacks" (the IDs of accepted messages and assertions are remembered),
"Initiate SSO" and "Initiate SLO" (the ID of the request is kept in the browser's session) and "The SP
Endpoints". Signed assertions are required. What the README recommends nothing for has its default:
requests for logins are not signed.

With the folder SP_KEYS, its key signs logout messages and decrypts, and the signature of logout
messages is required.
"""

import os
import sys
import urllib.parse

import web
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.logout_request import OneLogin_Saml2_Logout_Request
from onelogin.saml2.settings import OneLogin_Saml2_Settings

port, idp = int(sys.argv[1]), sys.argv[2]
keys = os.environ.get("SP_KEYS")
base = f"{web.scheme}://127.0.0.1:{port}"


def read(path):
    with open(path) as file:
        return file.read()


parsed = OneLogin_Saml2_IdPMetadataParser.parse(read(idp))


def new_settings(**security):
    return OneLogin_Saml2_IdPMetadataParser.merge_settings(
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
                # As in the README's example.
                "rejectDeprecatedAlgorithm": True,
                "logoutRequestSigned": bool(keys),
                "logoutResponseSigned": bool(keys),
                **security,
            },
        },
        parsed,
    )


settings = new_settings()
# It would also require a signed Response, which an identity provider that signs assertions only does
# not send: so it is set for logout messages only.
logout_settings = new_settings(wantMessagesSigned=bool(keys))


def auth(settings, path, form={}, query=""):
    return OneLogin_Saml2_Auth(
        {
            "https": "on" if keys else "off",
            "http_host": f"127.0.0.1:{port}",
            "script_name": path,
            "get_data": dict(urllib.parse.parse_qsl(query, True)),
            "query_string": query,
            # Works for all identity providers, the README says.
            "validate_signature_from_qs": True,
            "post_data": form,
        },
        settings,
    )


def require_valid(ending):
    if ending.get_errors():
        raise PermissionError(f"{ending.get_errors()}: {ending.get_last_error_reason()}")


class Provider:
    def metadata(self):
        made = OneLogin_Saml2_Settings(settings, sp_validation_only=True)
        text = made.get_sp_metadata()
        assert not made.validate_metadata(text)
        # Bytes if there is a key.
        return text if isinstance(text, str) else text.decode()

    def login(self, browser):
        starting = auth(settings, "/login")
        url = starting.login()
        browser.request = starting.get_last_request_id()
        return url

    def acs(self, application, browser, form):
        ending = auth(settings, "/acs", form)
        request = browser.request
        ending.process_response(request_id=request)
        require_valid(ending)
        # The library accepts a Response without InResponseTo, and leaves the ID to the application.
        if not ending.is_authenticated() or ending.get_last_response_in_response_to() != request:
            raise PermissionError("not an answer to the request of this browser")
        application.answer_request(browser, request)
        application.accept_once(ending.get_last_message_id(), ending.get_last_assertion_id())
        return web.User(ending.get_nameid(), ending.get_session_index(), ending.get_session_expiration(), ending)

    def logout(self, browser):
        login = browser.user.login
        starting = auth(logout_settings, "/logout")
        url = starting.logout(
            name_id=login.get_nameid(),
            session_index=login.get_session_index(),
            nq=login.get_nameid_nq(),
            name_id_format=login.get_nameid_format(),
            spnq=login.get_nameid_spnq(),
        )
        browser.logout = starting.get_last_request_id()
        return url

    def slo(self, application, browser, query):
        is_answer = "SAMLResponse" in urllib.parse.parse_qs(query, True)
        if is_answer and browser.logout is None:
            raise PermissionError("no logout was started")
        ending = auth(logout_settings, "/slo", query=query)
        # The application ends the sessions, after its own checks.
        url = ending.process_slo(keep_local_session=True, request_id=browser.logout)
        require_valid(ending)
        application.accept_once(ending.get_last_message_id())
        if is_answer:
            browser.user = browser.logout = None
            return "/"
        request = ending.get_last_request_xml()
        key = read(f"{keys}/sp.key") if keys else None
        application.end_sessions(
            OneLogin_Saml2_Logout_Request.get_nameid(request, key),
            OneLogin_Saml2_Logout_Request.get_session_indexes(request),
        )
        return url


web.serve(port, Provider())
