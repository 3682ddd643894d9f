"""An identity provider around the PyPI package djangosaml2idp or djangosaml2idp2, set up as its manual
says: Django's user and login form, the attributes of the guide. Arguments: port, folder
with idp.key, idp.crt and maps, the service provider's metadata file."""

import datetime
import pathlib
import shutil
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

PORT, FOLDER, SP = int(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
BASE = f"http://127.0.0.1:{PORT}"
HTTP = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
FORMATS = ["urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
           "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
           "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"]
LOGIN = """<!DOCTYPE html><title>Sign on</title>{{ form.non_field_errors }}<form method="post">{% csrf_token %}
<input name="username"><input name="password" type="password"><input type="hidden" name="next" value="{{ next }}">
<button>Sign on</button></form>"""

own = FOLDER / f"django-{PORT}"
(own / "templates" / "registration").mkdir(parents=True, exist_ok=True)
(own / "templates" / "registration" / "login.html").write_text(LOGIN)
settings.configure(
    SECRET_KEY="interop", DEBUG=False, ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, USE_TZ=True,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                    "django.contrib.messages", "djangosaml2idp"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware",
                "django.middleware.clickjacking.XFrameOptionsMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "DIRS": [own / "templates"], "OPTIONS": {"context_processors": [
                    "django.template.context_processors.request", "django.contrib.auth.context_processors.auth"]}}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": own / "db.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField", DATA_UPLOAD_MAX_MEMORY_SIZE=4_000_000,
    LOGIN_URL="/login/", LOGIN_REDIRECT_URL="/",
    SAML_AUTHN_SIGN_ALG="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    SAML_AUTHN_DIGEST_ALG="http://www.w3.org/2001/04/xmlenc#sha256",
    SAML_IDP_CONFIG={
        "entityid": f"{BASE}/idp/metadata/",
        "xmlsec_binary": shutil.which("xmlsec1"),
        "key_file": str(FOLDER / "idp.key"), "cert_file": str(FOLDER / "idp.crt"),
        "attribute_map_dir": str(FOLDER / "maps"),
        "service": {"idp": {
            "name": "djangosaml2idp",
            "endpoints": {
                "single_sign_on_service": [(f"{BASE}/idp/sso/post/", HTTP + "POST"),
                                           (f"{BASE}/idp/sso/redirect/", HTTP + "Redirect")],
                "single_logout_service": [(f"{BASE}/idp/slo/post/", HTTP + "POST"),
                                          (f"{BASE}/idp/slo/redirect/", HTTP + "Redirect")],
            },
            "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None,
                                   "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"}},
            "name_id_format": FORMATS, "sign_response": True, "sign_assertion": True,
            "want_authn_requests_signed": True, "want_authn_requests_only_with_valid_cert": False,
        }},
        "valid_for": 24,
    },
)
django.setup()
call_command("migrate", verbosity=0)

from django.contrib.auth.models import User  # noqa: E402
from django.contrib.auth.views import LoginView  # noqa: E402
from django.utils.timezone import now  # noqa: E402
from djangosaml2idp.models import ServiceProvider  # noqa: E402

# It writes the metadata into a fixed folder in /tmp; this is a private one.
ServiceProvider.metadata_path = lambda self: str(SP)
User.name = property(lambda self: self.username)
User.displayname = property(User.get_full_name)
User.objectidentifier = property(lambda self: "7d3c1f0e-2b4a-4c6d-8e9f-0a1b2c3d4e5f")
User.group_ids = property(lambda self: ["11111111-2222-4333-8444-555555555555", "66666666-7777-4888-9999-000000000000"])
User.objects.create_user("grace@lumen.example", "grace@lumen.example", "Corp-2-maple-lantern",
                         first_name="Grace", last_name="Hopper")
User.objects.create_user("ada@lumen.example", "ada@lumen.example", "Corp-2-maple-lantern", is_active=False)
ServiceProvider.objects.create(
    entity_id=sys.argv[4], local_metadata=SP.read_text(),
    metadata_expiration_dt=now() + datetime.timedelta(days=30),
    _sign_response=True, _sign_assertion=True, _attribute_mapping='{"name": "name", "displayname": "displayname", '
                       '"objectidentifier": "objectidentifier", "group_ids": "groups"}')
urlpatterns = [path("login/", LoginView.as_view()), path("idp/", include("djangosaml2idp.urls"))]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


make_server("127.0.0.1", PORT, get_wsgi_application(), handler_class=Quiet).serve_forever()
