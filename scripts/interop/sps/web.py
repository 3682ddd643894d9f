"""The web application around a Python library: routes, cookies, sessions and the IDs that it remembers.

/login sends the AuthnRequest, /acs takes the Response, /whoami says who is logged in, /logout and /slo
are single logout. With the folder SP_KEYS it speaks HTTPS (tls.key, tls.crt), and its cookie has
SameSite=None: a Response by HTTP-POST comes from another site. Without it, it speaks HTTP.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.cookies
import http.server
import os
import secrets
import socketserver
import ssl
import sys
import threading
import time
import traceback
import urllib.parse

keys = os.environ.get("SP_KEYS")
scheme = "https" if keys else "http"


@dataclasses.dataclass
class User:
    """A user who is logged in."""

    name: str
    # The SessionIndex of the login.
    index: str | None = None
    # SessionNotOnOrAfter, seconds since the Unix epoch.
    ends: float | None = None
    # What the library needs to log this user out.
    login: object = None


@dataclasses.dataclass
class Browser:
    """The session of one browser."""

    # The ID of the AuthnRequest that this browser sent, until it is answered.
    request: str | None = None
    # The ID of the LogoutRequest that this browser sent.
    logout: str | None = None
    user: User | None = None


class Refused(Exception):
    """The application refuses a message that the library accepts."""


class Application:
    """The sessions, and the IDs of messages and assertions that were accepted."""

    def __init__(self):
        self.lock = threading.Lock()
        self.browsers = {}
        self.accepted = set()

    def accept_once(self, *ids):
        """Remembers these IDs; raises Refused if one of them was accepted before."""
        with self.lock:
            if self.accepted.intersection(ids):
                raise Refused("a message or an assertion of before")
            self.accepted.update(ids)

    def answer_request(self, browser, request):
        """A request is answered once, also by two Responses that arrive at the same time."""
        with self.lock:
            if browser.request is None or browser.request != request:
                raise Refused("the request was answered before")
            browser.request = None

    def end_sessions(self, name, indexes):
        """Ends the sessions of this user with one of these indexes, or all if there is no index."""
        with self.lock:
            for browser in self.browsers.values():
                user = browser.user
                if user and user.name == name and (not indexes or user.index in indexes):
                    browser.user = None


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    # The handshake in the thread of the connection: a client that sends nothing blocks no other.
    def finish_request(self, request, client_address):
        if not keys:
            return super().finish_request(request, client_address)
        with tls.wrap_socket(request, server_side=True) as safe:
            super().finish_request(safe, client_address)
            with contextlib.suppress(OSError):
                safe.unwrap()

    # A handshake that breaks off is no error of this program.
    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def serve(port, provider):
    """`provider` has metadata() -> XML, login(browser) -> URL and acs(application, browser, form) ->
    User; for single logout also logout(browser) -> URL and slo(application, browser, query) -> URL."""
    application = Application()
    browsers = application.browsers

    class Handler(http.server.BaseHTTPRequestHandler):
        def browser(self):
            cookies = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
            known = cookies.get("session")
            return (known.value, browsers.get(known.value)) if known else (None, None)

        def open_session(self, browser):
            name = secrets.token_hex(16)
            browsers[name] = browser
            end = "; Secure; SameSite=None" if keys else "; SameSite=Lax"
            return "Set-Cookie", f"session={name}; Path=/; HttpOnly{end}"

        def answer(self, status, text, headers=(), kind="text/plain"):
            body = text.encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        # Refusals look alike: a text that differs would help to decrypt an assertion.
        def refuse(self):
            traceback.print_exc()
            self.answer(403, "refused")

        def do_GET(self):
            _, browser = self.browser()
            address = urllib.parse.urlsplit(self.path)
            user = browser and browser.user
            if user and user.ends and time.time() >= user.ends:
                user = browser.user = None
            if address.path == "/":
                self.answer(200, "a public page")
            elif address.path == "/metadata":
                self.answer(200, provider.metadata(), kind="application/samlmetadata+xml")
            elif address.path == "/login":
                starting = Browser()
                url = provider.login(starting)
                self.answer(302, "", [self.open_session(starting), ("Location", url)])
            elif address.path == "/whoami" and user:
                self.answer(200, f"user={user.name};")
            elif address.path == "/whoami":
                self.answer(401, "nobody is logged in")
            elif address.path == "/logout" and hasattr(provider, "logout"):
                self.answer(302, "", [("Location", provider.logout(browser) if user else "/")])
            elif address.path == "/slo" and hasattr(provider, "slo"):
                try:
                    url = provider.slo(application, browser or Browser(), address.query)
                    self.answer(302, "", [("Location", url)])
                except Exception:  # The libraries raise many kinds.
                    self.refuse()
            else:
                self.answer(404, "not found")

        def do_POST(self):
            name, browser = self.browser()
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(length)
            if urllib.parse.urlsplit(self.path).path != "/acs":
                return self.answer(404, "not found")
            try:
                form = dict(urllib.parse.parse_qsl(body.decode(), True))
                if browser is None or browser.request is None:
                    raise Refused("this browser sent no request")
                user = provider.acs(application, browser, form)
            except Exception:  # The libraries raise many kinds.
                return self.refuse()
            # A new session at each login.
            browsers.pop(name, None)
            cookie = self.open_session(Browser(user=user))
            self.answer(303, "", [cookie, ("Location", "/whoami")])

        def log_message(self, *arguments):
            pass

    Server(("127.0.0.1", port), Handler).serve_forever()


if keys:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(f"{keys}/tls.crt", f"{keys}/tls.key")
