#!/usr/bin/env python3
"""Logs in as a person does in a browser: follows a URL, and sends each form that it finds, as the user rob.

usage: browser.py URL
"""

import sys
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar

PAGES_MAX = 10


class Form(HTMLParser):
    """The first form of a page: where it is sent, and its fields."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = named["action"]
        if tag == "input" and named.get("name"):
            self.fields[named["name"]] = named.get("value") or "rob"


class To(urllib.request.HTTPRedirectHandler):
    """Follows redirections, except the one to a callback that nobody serves."""

    def __init__(self, callback):
        self.callback = callback

    def redirect_request(self, request, file, code, message, headers, url):
        if self.callback and url.startswith(self.callback):
            raise Arrived(url)
        return super().redirect_request(request, file, code, message, headers, url)


class Arrived(Exception):
    """The browser came to the callback, with this URL."""


def log_in(url, callback=None):
    """Follows the URL. Returns the last one: that of the callback, if it is given, which is then not asked for."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()), To(callback))
    sent = None
    try:
        for _ in range(PAGES_MAX):
            with browser.open(url, sent) as page:
                form = Form(page.read().decode())
                if form.action is None:
                    return page.url
                url, sent = urllib.parse.urljoin(page.url, form.action), urllib.parse.urlencode(form.fields).encode()
    except Arrived as arrived:
        return str(arrived)
    raise SystemExit(f"after {PAGES_MAX} pages there is still a form at {url}")


if __name__ == "__main__":
    log_in(sys.argv[1])
