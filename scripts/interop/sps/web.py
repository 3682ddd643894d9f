"""A web application around a SAML library, as its documentation has it: /login
asks the identity provider, /acs takes the answer, /whoami says who is in.

Sessions are cookies without attributes, kept in memory.
"""

import http.cookies
import http.server
import secrets
import socketserver
import traceback
import urllib.parse


class Browser:
    """What the application keeps of one browser."""

    def __init__(self):
        self.requests = {}
        self.user = None
        # What a provider keeps of the login, for its logout.
        self.session = None


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def serve(port, provider):
    """`provider` has metadata(), login(browser) -> URL, and acs(browser, form) -> user;
    for single logout also slo(browser, query) -> URL, which sets browser.user to None, and
    logout(browser) -> URL."""
    browsers = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def browser(self):
            cookies = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
            known = cookies.get("session")
            if known and known.value in browsers:
                return known.value, browsers[known.value]
            name = secrets.token_hex(16)
            browsers[name] = Browser()
            return name, browsers[name]

        def answer(self, status, text, headers=(), kind="text/plain"):
            body = text.encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            name, browser = self.browser()
            cookie = ("Set-Cookie", f"session={name}; Path=/; HttpOnly")
            path = urllib.parse.urlsplit(self.path).path
            if path == "/metadata":
                self.answer(200, provider.metadata(), kind="application/samlmetadata+xml")
            elif path == "/slo" and hasattr(provider, "slo"):
                query = urllib.parse.urlsplit(self.path).query
                try:
                    self.answer(302, "", [("Location", provider.slo(browser, query))])
                except Exception as error:  # The libraries raise many kinds.
                    traceback.print_exc()
                    self.answer(403, f"{type(error).__name__}: {error}"[:2000])
            elif path == "/logout" and hasattr(provider, "logout"):
                self.answer(302, "", [("Location", provider.logout(browser))])
            elif path == "/login":
                self.answer(302, "", [cookie, ("Location", provider.login(browser))])
            elif path == "/whoami" and browser.user:
                self.answer(200, f"user={browser.user};")
            elif path == "/whoami":
                self.answer(401, "nobody is logged in")
            else:
                self.answer(404, "not found")

        def do_POST(self):
            name, browser = self.browser()
            length = int(self.headers.get("Content-Length", "0"))
            form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode(), True))
            try:
                user = provider.acs(browser, form)
                session = browser.session
            except Exception as error:  # The libraries raise many kinds.
                traceback.print_exc()
                self.answer(403, f"{type(error).__name__}: {error}"[:2000])
                return
            # A new session at each login.
            browsers.pop(name, None)
            name = secrets.token_hex(16)
            browsers[name] = Browser()
            browsers[name].user = user
            browsers[name].session = session
            cookie = ("Set-Cookie", f"session={name}; Path=/; HttpOnly")
            self.answer(303, "", [cookie, ("Location", "/whoami")])

        def log_message(self, *arguments):
            pass

    Server(("127.0.0.1", port), Handler).serve_forever()
