import os
from pathlib import Path

from tests.browser.scenes import scene

OUT = Path("/tmp/shots")


def test_shots(browser):
    OUT.mkdir(exist_ok=True)
    found = scene()
    only = os.environ.get("ONLY", "").split(",") if os.environ.get("ONLY") else None
    browser.open("/sign-in/")
    browser.driver.save_screenshot(str(OUT / "signin.png"))
    browser.sign_in(found["owner"])
    n = found["run"].number
    failed = n - 6
    pages = {
        "home": "/",
        "runs": "/runs/",
        "run": f"/runs/RUN-{n}/?step=draft",
        "runsteps": f"/runs/RUN-{n}/?view=steps&step=approve_refund",
        "workflows": "/workflows/",
        "workflow": "/workflows/refund/",
        "start": "/runs/start/refund/",
        "failed": f"/runs/RUN-{failed}/",
        "me": "/me/",
    }
    for name, path in pages.items():
        if only and name not in only:
            continue
        for scheme in ("light", "dark"):
            browser.colours(scheme)
            for width, height in ((1440, 960), (390, 844)):
                browser.size(width, height)
                browser.open(path)
                browser.until("document.documentElement.dataset.live === 'on'", 8)
                browser.driver.save_screenshot(str(OUT / f"{name}-{scheme}-{width}.png"))
    browser.size(1440, 960)
    for name, path in pages.items():
        if only and name not in only:
            continue
        for scheme in ("light", "dark"):
            browser.colours(scheme)
            browser.open(path)
            for v in browser.axe():
                print(name, scheme, v)
    print(browser.errors())
