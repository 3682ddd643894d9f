"""An identity provider around the PyPI package flask-saml2-fork: its defaults, a login form and one
user. Arguments: port, folder with idp.key and idp.crt, entity ID and address of the service provider."""

import logging
import pathlib
import sys
from types import SimpleNamespace

from flask import Flask, abort, redirect, request, session, url_for
from flask_saml2.idp import IdentityProvider
from flask_saml2.utils import certificate_from_file, private_key_from_file
from werkzeug.serving import run_simple

PORT, FOLDER, ENTITY, ACS = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
USER, PASSWORD = "grace@lumen.example", "Corp-2-maple-lantern"
LOGIN = """<!DOCTYPE html><title>Sign on</title>{error}<form method="post">
<input name="username"><input name="password" type="password"><button>Sign on</button></form>"""


class Provider(IdentityProvider):
    def login_required(self):
        if not self.is_user_logged_in():
            abort(redirect(url_for("login", next=request.url)))

    def is_user_logged_in(self):
        return "user" in session

    def logout(self):
        del session["user"]

    def get_current_user(self):
        return SimpleNamespace(email=session["user"])


app = Flask(__name__)
app.secret_key = "interop"
app.config["SAML2_IDP"] = {
    "autosubmit": True,
    "certificate": certificate_from_file(FOLDER / "idp.crt"),
    "private_key": private_key_from_file(FOLDER / "idp.key"),
}
app.config["SAML2_SERVICE_PROVIDERS"] = [
    {"CLASS": "flask_saml2.idp.SPHandler", "OPTIONS": {"entity_id": ENTITY, "acs_url": ACS}},
]
app.register_blueprint(Provider().create_blueprint(), url_prefix="/saml")


@app.route("/login", methods=["GET", "POST"])
def login():
    error = ""
    if request.method == "POST":
        if (request.form["username"], request.form["password"]) == (USER, PASSWORD):
            session["user"] = USER
            return redirect(request.args["next"])
        error = "User name or password is wrong."
    return LOGIN.format(error=error)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
run_simple("127.0.0.1", PORT, app, threaded=True)
