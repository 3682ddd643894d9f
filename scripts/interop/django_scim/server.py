"""django-scim2 with its defaults and a bearer token: server.py PORT TOKEN"""

import os
import sys
import tempfile

import django
from django.conf import settings

port, token = sys.argv[1:]
folder = tempfile.mkdtemp()


def bearer(get_response):
    """Accepts the token, as a user with all permissions."""

    def answer(request):
        from people.models import User

        if request.headers.get("authorization", "").lower() == f"bearer {token}":
            request.user = User(username="provisioner", is_superuser=True)
        return get_response(request)

    return answer


settings.configure(
    SECRET_KEY="interop",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    AUTH_USER_MODEL="people.User",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_scim", "people"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(folder, "django.db"),
        }
    },
    MIDDLEWARE=[f"{__name__}.bearer", "django_scim.middleware.SCIMAuthCheckMiddleware"],
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
)
sys.modules["server"] = sys.modules[__name__]
django.setup()

from django.urls import include, path  # noqa: E402 (the settings come first)

urlpatterns = [path("scim/v2/", include("django_scim.urls", namespace="scim"))]

if __name__ == "__main__":
    from django.core.management import call_command
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", run_syncdb=True, verbosity=0)
    run("127.0.0.1", int(port), get_wsgi_application(), threading=False)
