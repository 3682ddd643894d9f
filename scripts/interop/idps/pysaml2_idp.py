"""An identity provider around the PyPI package pysaml2: a user, a login form,
the guide's attributes. Arguments: port, folder with idp.key and idp.crt, the
service provider's metadata file."""

import html
import http.cookies
import secrets
import shutil
import sys
import urllib.parse
from wsgiref.simple_server import WSGIRequestHandler, make_server

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_BASIC, NAMEID_FORMAT_PERSISTENT
from saml2.server import Server

PORT, FOLDER, SP = int(sys.argv[1]), sys.argv[2], sys.argv[3]
BASE = f"http://127.0.0.1:{PORT}"
USER, PASSWORD = "grace@lumen.example", "Corp-2-maple-lantern"
IDENTITY = {
    "name": [USER],
    "displayname": ["Grace Hopper"],
    "objectidentifier": ["7d3c1f0e-2b4a-4c6d-8e9f-0a1b2c3d4e5f"],
    "groups": ["11111111-2222-4333-8444-555555555555", "66666666-7777-4888-9999-000000000000"],
}
CONFIG = IdPConfig().load({
    "entityid": f"{BASE}/metadata",
    "xmlsec_binary": shutil.which("xmlsec1"),
    "key_file": f"{FOLDER}/idp.key",
    "cert_file": f"{FOLDER}/idp.crt",
    "metadata": {"local": [SP]},
    "attribute_map_dir": f"{FOLDER}/maps",
    "service": {"idp": {
        "name": "pysaml2",
        "endpoints": {"single_sign_on_service": [
            (f"{BASE}/sso", BINDING_HTTP_REDIRECT), (f"{BASE}/sso", BINDING_HTTP_POST)]},
        "policy": {"default": {
            "lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_BASIC, "attribute_restrictions": None}},
        "name_id_format": [NAMEID_FORMAT_PERSISTENT],
        "sign_assertion": True, "sign_response": False,
        "signing_algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "digest_algorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
    }},
})
IDP = Server(config=CONFIG)
SESSIONS = {}


def fields_of(environ):
    if environ["REQUEST_METHOD"] == "POST":
        text = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        return {name: values[0] for name, values in urllib.parse.parse_qs(text).items()}
    return {name: values[0] for name, values in urllib.parse.parse_qs(environ["QUERY_STRING"]).items()}


def login(fields, how):
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(fields[name])}">'
        for name in ("SAMLRequest", "RelayState", "SigAlg", "Signature") if name in fields)
    return ("<!DOCTYPE html><title>Sign on</title>"
            f'<form method="post" action="/login">{hidden}<input type="hidden" name="how" value="{how}">'
            '<input name="username"><input name="password" type="password"><button>Sign on</button></form>')


def answer(fields, how):
    binding = BINDING_HTTP_REDIRECT if how == "GET" else BINDING_HTTP_POST
    request = IDP.parse_authn_request(
        fields["SAMLRequest"], binding, relay_state=fields.get("RelayState"),
        sigalg=fields.get("SigAlg"), signature=fields.get("Signature"))
    arguments = IDP.response_args(request.message)
    response = IDP.create_authn_response(
        IDENTITY, userid=USER, sign_assertion=True,
        authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "authn_auth": BASE},
        **arguments)
    made = IDP.apply_binding(
        arguments["binding"], str(response), arguments["destination"], fields.get("RelayState", ""), response=True)
    return made["data"]


def application(environ, start_response):
    path, headers = environ["PATH_INFO"], [("Content-Type", "text/html; charset=utf-8")]
    if path == "/metadata":
        start_response("200 OK", [("Content-Type", "application/samlmetadata+xml")])
        return [str(entity_descriptor(CONFIG)).encode()]
    fields, how = fields_of(environ), environ["REQUEST_METHOD"]
    cookies = http.cookies.SimpleCookie(environ.get("HTTP_COOKIE", ""))
    known = "sid" in cookies and cookies["sid"].value in SESSIONS
    try:
        if path == "/login":
            how = fields.pop("how", "GET")
            if (fields.get("username"), fields.get("password")) != (USER, PASSWORD):
                start_response("401 Unauthorized", headers)
                return [b"<!DOCTYPE html><title>Sign on</title><p>User name or password is wrong.</p>"]
            sid = secrets.token_hex(16)
            SESSIONS[sid] = USER
            headers.append(("Set-Cookie", f"sid={sid}; Path=/; HttpOnly"))
        elif path != "/sso":
            start_response("404 Not Found", headers)
            return [b"nothing here"]
        elif not known:
            start_response("200 OK", headers)
            return [login(fields, how).encode()]
        page = answer(fields, how)
    except Exception as error:  # what the library refuses
        start_response("400 Bad Request", headers)
        return [f"<!DOCTYPE html><title>Refused</title><p>{html.escape(repr(error))}</p>".encode()]
    start_response("200 OK", headers)
    return [page.encode() if isinstance(page, str) else page]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


make_server("127.0.0.1", PORT, application, handler_class=Quiet).serve_forever()
