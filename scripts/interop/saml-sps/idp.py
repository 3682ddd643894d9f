"""The mock IdP as its administrator and a person's browser meet it.

By hand: python3 idp.py application SP_ENTITY ACS assertion|response|both RSA|EC
prints the application's metadata URL; python3 idp.py sign-on URL prints the
fields of the form that comes back. MOCK_IDP is its ready file.
"""

import html.parser
import http.cookiejar
import json
import os
import sys
import urllib.parse
import urllib.request

USER = "ada"
PASSWORD = "correct horse battery"
EXPECTED = {"email": ["ada@example.com"], "name": ["Ada Lovelace"], "groups": ["Admins", "Users"]}


class Idp:
    """The management API."""

    def __init__(self):
        with open(os.environ["MOCK_IDP"]) as ready:
            said = json.load(ready)
        self.base, self.token = said["base_url"], said["admin_token"]
        self.env = self.environment()

    def call(self, path, body, method="POST"):
        request = urllib.request.Request(
            f"{self.base}/v1{path}",
            data=json.dumps(body).encode() if body is not None else None,
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def environment(self):
        """The environment with its user and groups, made when first asked for."""
        all_ = self.call("/environments", None, "GET")["_embedded"]["environments"]
        for found in all_:
            if found["name"] == "Interop":
                return found["id"]
        env = self.call("/environments", {"name": "Interop"})["id"]
        at = f"/environments/{env}"
        user = self.call(
            f"{at}/users",
            {
                "username": USER,
                "email": "ada@example.com",
                "name": {"given": "Ada", "family": "Lovelace"},
                "password": PASSWORD,
            },
        )["id"]
        for name in ("Admins", "Users"):
            group = self.call(f"{at}/groups", {"name": name})["id"]
            self.call(f"{at}/users/{user}/memberOfGroups", {"id": group})
        self.call(f"{at}/keys", {"name": "EC", "algorithm": "EC", "keyLength": 256})
        return env

    def application(self, entity, acs, signed, kind):
        """Registers a service provider; where its IdP metadata is."""
        at = f"/environments/{self.env}"
        keys = self.call(f"{at}/keys", None, "GET")["_embedded"]["keys"]
        key = next(key["id"] for key in keys if key["algorithm"] == kind)
        made = self.call(
            f"{at}/applications",
            {
                "name": entity,
                "spEntityId": entity,
                "acsUrls": [acs],
                "enabled": True,
                "assertionSigned": signed != "response",
                "responseSigned": signed != "assertion",
                "nameIdFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
                "idpSigning": {"key": {"id": key}},
            },
        )
        attributes = f"{at}/applications/{made['id']}/attributes"
        for name, value in (
            ("saml_subject", "${user.email}"),
            ("email", "${user.email}"),
            ("name", "${user.name.given + ' ' + user.name.family}"),
            ("groups", "${user.memberOfGroupNames}"),
        ):
            self.call(attributes, {"name": name, "value": value})
        return made["_links"]["metadata"]["href"]


class Page(html.parser.HTMLParser):
    """The first form of a page: where it goes, and its fields."""

    def __init__(self, url, text):
        super().__init__()
        self.url, self.action, self.fields = url, None, {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = urllib.parse.urljoin(self.url, attributes.get("action", ""))
        if tag == "input" and attributes.get("name"):
            self.fields[attributes["name"]] = attributes.get("value") or ""


def sign_on(url):
    """Opens the request, signs on, and stops at the form for the service provider."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(jar)

    def page(*arguments):
        with browser.open(*arguments) as answer:
            return Page(answer.geturl(), answer.read().decode())

    asked = page(url)
    asked.fields.update(username=USER, password=PASSWORD)
    answered = page(asked.action, urllib.parse.urlencode(asked.fields).encode())
    if "SAMLResponse" not in answered.fields:
        raise SystemExit(f"no SAMLResponse at {answered.url}")
    return answered.fields


def fetched(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


def demand(name, wanted, came):
    if wanted != came:
        raise SystemExit(f"{name}: expected {wanted!r}, got {came!r}")


if __name__ == "__main__":
    if sys.argv[1] == "application":
        print(Idp().application(*sys.argv[2:]))
    else:
        print(json.dumps(sign_on(sys.argv[2])))
