"""Starts Rehearsal, signs on, asks who is in. Only the standard library."""

import html.parser
import http.cookiejar
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request


class Form(html.parser.HTMLParser):
    """The first form of a page: its action and its fields."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = attributes.get("action")
        elif tag == "input" and attributes.get("name"):
            self.fields[attributes["name"]] = attributes.get("value", "")


def main(command):
    folder = tempfile.mkdtemp()
    ready_file = os.path.join(folder, "ready.json")
    parties = subprocess.Popen(
        [command, "up", "--ready-file", ready_file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not os.path.exists(ready_file):
            if parties.poll() is not None:
                sys.exit("rehearsal up ended before it was ready")
            time.sleep(0.05)
        with open(ready_file) as file:
            ready = json.load(file)
        browser = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

        def opened(url, fields=None):
            data = urllib.parse.urlencode(fields).encode() if fields else None
            try:
                with browser.open(url, data) as answer:
                    return answer.geturl(), answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.geturl(), error.read().decode()

        login = ready["idp"]["sso_login"]
        start = ready["sp"]["sso_start_url"] + "?" + urllib.parse.urlencode({"email": login["username"]})
        url, page = opened(start)
        form = Form(page)
        form.fields.update(username=login["username"], password=login["password"])
        url, page = opened(urllib.parse.urljoin(url, form.action), form.fields)
        answer = Form(page)
        opened(urllib.parse.urljoin(url, answer.action), answer.fields)
        _, who = opened(ready["sp"]["whoami_url"])
        print(json.loads(who)["email"])
    finally:
        parties.terminate()
        parties.wait()


main(sys.argv[1] if len(sys.argv) > 1 else "rehearsal")
