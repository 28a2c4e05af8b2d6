"""A real server and a real browser, on the test database."""

import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path

import pytest
import uvicorn
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
COLOUR_RULES = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
PATIENCE = 30  # seconds; what comes is gone on with at once, and a busy machine takes its time
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
]


# Gives whether a condition holds, as soon as it does; a look that is long in vain is begun anew.
LOOK = """
const done = arguments[arguments.length - 1], end = performance.now() + 500;
(function look() {
  let holds = false;
  try { holds = Boolean(%s); } catch {}
  if (holds || performance.now() > end) done(holds);
  else setTimeout(look, 8);
})();
"""


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


def database_address() -> str:
    """Give the address of the database that the tests use now."""
    at = connection.settings_dict
    return make_conninfo(
        dbname=at["NAME"],
        user=at["USER"] or None,
        password=at["PASSWORD"] or None,
        host=at["HOST"] or None,
        port=at["PORT"] or None,
    )


@pytest.fixture
def server(transactional_db, monkeypatch):
    """Give the address of the product, served as in production: pages and sockets."""
    from project.asgi import application

    monkeypatch.setattr(settings, "LISTEN_DSN", database_address())
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_level="warning", lifespan="off")
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    web.should_exit = True
    thread.join(timeout=20)
    listener.close()
    connection.close_pool()


def driver_start(profile):
    """Start a browser that keeps what it knows in the folder `profile`."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


@pytest.fixture(scope="session")
def chromium():
    """Start one browser for all tests; each test begins without cookies."""
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs Chromium and its driver")
    profile = tempfile.mkdtemp(prefix="countersign-browser-")
    driver = driver_start(profile)
    yield driver
    driver.quit()
    shutil.rmtree(profile, ignore_errors=True)


class Browser:
    """The few things that the tests do with a page."""

    def __init__(self, driver, address):
        self.driver = driver
        self.address = address

    def sign_in(self, user):
        """Sign in by a one-time link and its one button, as a person does."""
        from workflows_app.services.people import sign_in_link_create

        self.open(f"/sign-in/{sign_in_link_create(user=user)}/")
        self.driver.find_element("css selector", "form button").click()
        self.until("document.body && location.pathname === '/'")

    def open(self, path):
        self.driver.get(self.address + path)
        self.until("document.readyState === 'complete'")

    def until(self, condition, seconds=PATIENCE):
        """Wait for a condition that the page itself looks at, also across its going to another."""
        from selenium.common.exceptions import JavascriptException
        from selenium.webdriver.support.ui import WebDriverWait

        def holds(driver):
            try:
                return driver.execute_async_script(LOOK % condition)
            except JavascriptException:  # that page is gone
                return False

        WebDriverWait(self.driver, seconds, poll_frequency=0.01).until(holds)

    def until_there(self, selector, seconds=PATIENCE):
        """Wait for an element without running a script in the page."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(
            lambda driver: driver.find_elements("css selector", selector)
        )

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def size(self, width, height):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def colours(self, scheme):
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )

    def axe(self, only=RULES, within=None):
        """Give the accessibility violations of the page, or of a part, as readable lines."""
        self.script("return typeof axe === 'undefined'") and self.script(AXE.read_text())
        return self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "const [runOnly, within] = arguments;"
            "axe.run(within ?? document, {runOnly, resultTypes: ['violations']})"
            ".then((r) => done(r.violations.map((v) => v.id + ': ' + v.help +"
            " ' | ' + v.nodes.slice(0, 4).map((n) => n.html.slice(0, 140) + ' '"
            " + (n.any[0] ? n.any[0].message : '')).join(' || '))));",
            only,
            within,
        )

    def axe_both(self, within=None):
        """Give the violations in light, and those that the dark colours of the same page add."""
        found = self.axe(within=within)
        self.colours("dark")
        self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "requestAnimationFrame(() => Promise.allSettled(document.getAnimations()"
            ".filter((a) => a instanceof CSSTransition && a.effect.target.checkVisibility())"
            ".map((a) => a.finished)).then(() => done()))"
        )
        found += [f"dark: {line}" for line in self.axe(COLOUR_RULES, within)]
        self.colours("light")
        return found

    def too_wide(self, path, widths=(390, 320)):
        """Give what is wider than a phone on a page, by the phone's width."""
        found = {}
        self.size(max(widths), 844)
        self.open(path)
        for width in widths:
            self.size(width, 844)
            if self.script("return document.documentElement.scrollWidth") > width:
                found[f"{width} {path}"] = self.script(
                    "return [...document.querySelectorAll('body *')].filter((e) =>"
                    " e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.tablew *'))"
                    ".slice(0, 3).map((e) => e.outerHTML.slice(0, 120))"
                )
        return found

    def deaf(self):
        """Let nothing arrive that others save, as if they saved at the very same moment."""
        stop = "(event) => event.stopImmediatePropagation()"
        self.script(f"addEventListener('draft:arrived', {stop}, true)")

    def errors(self):
        """Give what the browser complained about, among it every breach of the content policy."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" and "favicon" not in entry["message"]
        ]


@pytest.fixture
def browser(chromium, server):
    """Give a browser at the server, with nothing kept from the test before."""
    chromium.delete_all_cookies()
    chromium.get_log("browser")
    page = Browser(chromium, server)
    page.size(1440, 960)
    page.colours("light")
    yield page
    chromium.get("about:blank")
