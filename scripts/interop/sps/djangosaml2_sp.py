"""djangosaml2 as a service provider: PORT IDP-METADATA.

As its documentation says, in "Setup": "Configuration", "SameSite cookie", "Default Login path", "Bearer
Assertion Replay Attack Prevention" (the IDs of accepted assertions are remembered), "Preferred sso
binding", "Preferred Logout binding", "Users, attributes and account linking" and "PySAML2 specific
files and configuration", except that no signed Response is required: an identity provider may sign
the assertion only. What it says nothing of has its default, such as SameSite of Django's own session
cookie, and the end of a session.

A Django project in one file, over HTTPS: the cookie of the SAML session has SameSite=None, and a
browser stores such a cookie only with Secure. Its key signs and decrypts; sp.key, sp.crt, tls.key
and tls.crt are in the folder SP_KEYS.
"""

import contextlib
import os
import pathlib
import secrets
import socketserver
import ssl
import sys
import tempfile
import threading
import wsgiref.simple_server

import django
import saml2
import saml2.saml
from django.conf import settings
from django.core.management import call_command
from django.http import HttpResponse
from django.urls import include, path

port, idp = int(sys.argv[1]), sys.argv[2]
base = f"https://127.0.0.1:{port}"
keys = pathlib.Path(os.environ["SP_KEYS"])
folder = tempfile.TemporaryDirectory()
pair = {"key_file": str(keys / "sp.key"), "cert_file": str(keys / "sp.crt")}

settings.configure(
    SECRET_KEY=secrets.token_hex(32),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
        "djangosaml2",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "djangosaml2.middleware.SamlSessionMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{folder.name}/db.sqlite3",
            "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
        }
    },
    AUTHENTICATION_BACKENDS=[f"{__name__}.Backend"],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"],
    SESSION_COOKIE_SECURE=True,
    SESSION_EXPIRE_AT_BROWSER_CLOSE=True,
    LOGIN_URL="/saml2/login/",
    LOGIN_REDIRECT_URL="/whoami",
    LOGOUT_REDIRECT_URL="/",
    USE_TZ=True,
    SAML_DEFAULT_BINDING=saml2.BINDING_HTTP_REDIRECT,
    SAML_LOGOUT_REQUEST_PREFERRED_BINDING=saml2.BINDING_HTTP_REDIRECT,
    # The users of the example are found by NameID.
    SAML_USE_NAME_ID_AS_USERNAME=True,
    SAML_CREATE_UNKNOWN_USER=True,
    SAML_ATTRIBUTE_MAPPING={"email": ("email",)},
    SAML_CSP_HANDLER="",
    SAML_CONFIG={
        "entityid": f"{base}/saml2/metadata/",
        "metadata": {"local": [idp]},
        "allow_unknown_attributes": True,
        **pair,
        "encryption_keypairs": [pair],
        "service": {
            "sp": {
                "endpoints": {
                    "assertion_consumer_service": [(f"{base}/saml2/acs/", saml2.BINDING_HTTP_POST)],
                    "single_logout_service": [
                        (f"{base}/saml2/ls/", saml2.BINDING_HTTP_REDIRECT),
                        (f"{base}/saml2/ls/post/", saml2.BINDING_HTTP_POST),
                    ],
                },
                "name_id_format": [saml2.saml.NAMEID_FORMAT_EMAILADDRESS],
                "signing_algorithm": saml2.xmldsig.SIG_RSA_SHA256,
                "digest_algorithm": saml2.xmldsig.DIGEST_SHA256,
                "allow_unsolicited": False,
                "authn_requests_signed": True,
                "logout_requests_signed": True,
                "want_assertions_signed": True,
                "want_response_signed": False,
            }
        },
    },
)
django.setup()
call_command("migrate", verbosity=0)
from djangosaml2.backends import Saml2Backend  # noqa: E402, after the settings

accepted = set()
lock = threading.Lock()


class Backend(Saml2Backend):
    def is_authorized(self, attributes, attribute_mapping, idp_entityid, assertion_info, **kwargs):
        # As in the manual: it is empty if the assertion has no bearer confirmation.
        if not assertion_info:
            return True
        # An assertion is accepted once, also if it arrives twice at the same time.
        with lock:
            is_new = assertion_info["assertion_id"] not in accepted
            accepted.add(assertion_info["assertion_id"])
        return is_new


def whoami(request):
    if request.user.is_authenticated:
        return HttpResponse(f"user={request.user.username};", content_type="text/plain; charset=utf-8")
    return HttpResponse("nobody is logged in", status=401)


def home(request):
    return HttpResponse("a public page")


urlpatterns = [
    path("", home),
    path("whoami", whoami),
    path("saml2/", include("djangosaml2.urls")),
]


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True

    def setup_environ(self):
        super().setup_environ()
        self.base_environ["HTTPS"] = "on"

    # The handshake in the thread of the connection: a client that sends nothing blocks no other.
    def finish_request(self, request, client_address):
        with tls.wrap_socket(request, server_side=True) as safe:
            super().finish_request(safe, client_address)
            safe.unwrap()


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    # A form that Django refuses as too large is read to its end: closing the connection before
    # would lose the answer.
    def handle(self):
        super().handle()
        self.connection.settimeout(2)
        with contextlib.suppress(OSError):
            while self.rfile.read(65536):
                pass

    def log_message(self, *arguments):
        pass


tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(keys / "tls.crt", keys / "tls.key")
from django.core.wsgi import get_wsgi_application  # noqa: E402, after the settings

server = wsgiref.simple_server.make_server(
    "127.0.0.1", port, get_wsgi_application(), server_class=Server, handler_class=Handler
)
server.serve_forever()
