"""django-scim2-server with its defaults and a bearer token: django_server.py PORT TOKEN"""

import os
import sys
import tempfile

import django
from django.conf import settings

port, token = sys.argv[1:]
folder = tempfile.mkdtemp()


def has_token(request):
    """Accepts the token; the package asks for such a function."""
    return request.headers.get("authorization", "").lower() == f"bearer {token}"


sys.modules["server"] = sys.modules[__name__]
settings.configure(
    SECRET_KEY="interop",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_scim2_server"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(folder, "django.db"),
        }
    },
    MIDDLEWARE=[],
    SCIM2_SERVER_AUTH_CHECK="server.has_token",
)
django.setup()

from django.core.management import call_command  # noqa: E402 (the settings come first)
from django.urls import include, path  # noqa: E402

urlpatterns = [path("scim/v2/", include("django_scim2_server.urls"))]
call_command("migrate", verbosity=0)

if __name__ == "__main__":
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    run("127.0.0.1", int(port), get_wsgi_application(), threading=False)
