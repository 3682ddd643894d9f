"""Django with djangosaml2, django-scim2 and the tokens of Django REST framework, each with
its default settings. Usage: leaver.py PORT TOKEN IDP-METADATA. This file adds only two
views: /me shows who is logged in, and /token issues an API token."""

import os
import subprocess
import sys
import tempfile

import django
import saml2
from django.conf import settings

port, token, idp = sys.argv[1:]
base = f"http://127.0.0.1:{port}"
folder = tempfile.mkdtemp()
key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=leaver"]
    + ["-keyout", key, "-out", certificate],
    check=True,
    stderr=subprocess.DEVNULL,
)


def bearer(get_response):
    """Authenticates SCIM requests with the token as a superuser."""

    def answer(request):
        from people.models import User

        is_scim = request.path.startswith("/scim/")
        if is_scim and request.headers.get("authorization", "").lower() == f"bearer {token}":
            request.user = User(username="provisioner", is_superuser=True)
        return get_response(request)

    return answer


settings.configure(
    SECRET_KEY="interop",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    AUTH_USER_MODEL="people.User",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django_scim",
        "djangosaml2",
        "rest_framework",
        "rest_framework.authtoken",
        "people",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(folder, "django.db"),
            "OPTIONS": {"timeout": 20},
        }
    },
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "djangosaml2.middleware.SamlSessionMiddleware",
        f"{__name__}.bearer",
        "django_scim.middleware.SCIMAuthCheckMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
        }
    ],
    AUTHENTICATION_BACKENDS=["djangosaml2.backends.Saml2Backend"],
    LOGIN_REDIRECT_URL="/me",
    LOGOUT_REDIRECT_URL="/me",
    SCIM_SERVICE_PROVIDER={
        "NETLOC": f"127.0.0.1:{port}",
        "SCHEME": "http",
        "GROUP_MODEL": "people.models.Group",
        "AUTHENTICATION_SCHEMES": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer",
                "description": "A bearer token",
            }
        ],
    },
    # Its defaults are for HTTPS.
    SAML_SESSION_COOKIE_SAMESITE="Lax",
    SAML_CSP_HANDLER="",
    SAML_USE_NAME_ID_AS_USERNAME=True,
    SAML_CONFIG={
        "entityid": f"{base}/saml2/metadata/",
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "metadata": {"local": [idp]},
        "key_file": key,
        "cert_file": certificate,
        "service": {
            "sp": {
                "endpoints": {
                    "assertion_consumer_service": [
                        (f"{base}/saml2/acs/", saml2.BINDING_HTTP_POST)
                    ],
                    "single_logout_service": [
                        (f"{base}/saml2/ls/", saml2.BINDING_HTTP_REDIRECT),
                        (f"{base}/saml2/ls/post/", saml2.BINDING_HTTP_POST),
                    ],
                },
                "want_response_signed": False,
                "want_assertions_signed": True,
                "logout_requests_signed": True,
            }
        },
    },
)
sys.modules["leaver"] = sys.modules[__name__]
django.setup()

from django.http import HttpResponse, JsonResponse  # noqa: E402 (the settings come first)
from django.urls import include, path  # noqa: E402
from rest_framework.authentication import TokenAuthentication  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402
from rest_framework.decorators import (  # noqa: E402
    api_view,
    authentication_classes,
    permission_classes,
)
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.response import Response  # noqa: E402


class BearerAuthentication(TokenAuthentication):
    keyword = "Bearer"


def me(request):
    if not request.user.is_authenticated:
        return HttpResponse("nobody is logged in", status=401)
    return HttpResponse(f"user={request.user.get_username()};")


def new_token(request):
    if not request.user.is_authenticated:
        return HttpResponse("nobody is logged in", status=401)
    made, _ = Token.objects.get_or_create(user=request.user)
    return JsonResponse({"token": made.key})


@api_view(["GET"])
@authentication_classes([BearerAuthentication])
@permission_classes([IsAuthenticated])
def api(request):
    return Response({"user": request.user.get_username()})


urlpatterns = [
    path("scim/v2/", include("django_scim.urls", namespace="scim")),
    path("saml2/", include("djangosaml2.urls")),
    path("me", me),
    path("token", new_token),
    path("api", api),
]

if __name__ == "__main__":
    from django.core.management import call_command
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", run_syncdb=True, verbosity=0)
    run("127.0.0.1", int(port), get_wsgi_application(), threading=False)
