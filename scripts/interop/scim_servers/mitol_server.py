"""mitol-django-scim with its settings, SQLite and a bearer token: mitol_server.py PORT TOKEN"""

import os
import sys
import tempfile

import django
from django.conf import settings
from mitol.scim.settings.scim import SCIM_SERVICE_PROVIDER

port, token = sys.argv[1:]
folder = tempfile.mkdtemp()


def bearer(get_response):
    """Accepts the token, as a member of the staff, which the package asks for."""

    def answer(request):
        from mitol_people.models import User

        if request.headers.get("authorization", "").lower() == f"bearer {token}":
            request.user = User(username="provisioner", is_staff=True)
        return get_response(request)

    return answer


settings.configure(
    SECRET_KEY="interop",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    AUTH_USER_MODEL="mitol_people.User",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_scim",
                    "mitol.scim.apps.ScimApp", "mitol_people"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(folder, "django.db")}},
    MIDDLEWARE=[f"{__name__}.bearer", "django_scim.middleware.SCIMAuthCheckMiddleware"],
    SCIM_SERVICE_PROVIDER={**SCIM_SERVICE_PROVIDER, "SCHEME": "http", "NETLOC": f"127.0.0.1:{port}"},
)
sys.modules["server"] = sys.modules[__name__]
django.setup()

from django.urls import include, path  # noqa: E402 (the settings come first)

urlpatterns = [path("", include("mitol.scim.urls"))]

if __name__ == "__main__":
    from django.core.management import call_command
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", run_syncdb=True, verbosity=0)
    run("127.0.0.1", int(port), get_wsgi_application(), threading=False)
