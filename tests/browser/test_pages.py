"""Pages in a real browser: accessible in light and dark, clean under the content policy, small."""

import gzip

import pytest

from tests.browser.scenes import scene

CSS_LIMIT = 15_000
JS_LIMIT = 60_000
CANVAS_LIMIT = 215_000  # scripts of a page that draws a graph


def paths(found):
    number = found["run"].number
    return [
        "/",
        "/runs/",
        f"/runs/RUN-{number}/?step=draft",
        f"/runs/RUN-{number}/?view=steps&step=approve_refund&tab=attempts&events=full",
        "/workflows/",
        "/workflows/refund/",
        "/workflows/bank-change/",
        "/workflows/new/",
        "/workflows/refund/edit/",
        "/workflows/refund/publish/",
        f"/workflows/refund/diff/{found['version'].number}..draft/",
        "/events/",
        "/guardrails/",
        "/runs/start/refund/",
        "/runs/start/refund/csv/",
        "/find/?q=refund",
        "/me/",
    ]


SETTINGS = [
    "/me/",
    "/settings/members/",
    "/settings/roles/",
    "/settings/tokens/",
    "/settings/secrets/",
    "/settings/models/",
    "/settings/notifications/",
]


def settings_scene(found):
    """A proposal of a member, a token and a secret, so that each page shows all that it has."""
    from workflows_app.agents.services.secrets import secret_put
    from workflows_app.selectors.people import principal_of_user
    from workflows_app.services.members import member_change_propose
    from workflows_app.services.subscriptions import subscription_put
    from workflows_app.services.tokens import token_create

    space, admin = found["workspace"], found["admin"]
    member_change_propose(
        workspace=space,
        name="cleo",
        roles=["viewer"],
        groups=["finance"],
        active=True,
        actor=principal_of_user(admin),
    )
    token_create(workspace=space, scopes=["read"], actor="user:ada", service="nightly")
    secret_put(workspace=space, name="CRM", value="hunter", actor="user:ada", user=admin)
    address = "https://chat.example/a/rather/long/address/that/some/chats/give/for/each/room"
    subscription_put(
        workspace=space, name="chat", event="approval.*", url=address, actor="user:ada"
    )


def test_pages_have_no_accessibility_violation_in_light_or_dark(browser):
    found = scene()
    browser.open("/sign-in/")
    violations = {"/sign-in/": browser.axe_both()}
    browser.sign_in(found["owner"])

    for path in paths(found):
        browser.open(path)
        violations[path] = browser.axe_both()
    settings_scene(found)
    browser.sign_in(found["admin"])
    for path in SETTINGS:
        browser.open(path)
        violations[path] = browser.axe_both()

    assert {path: lines for path, lines in violations.items() if lines} == {}
    assert browser.errors() == []


def test_narrow_pages_do_not_scroll_sideways(browser):
    found = scene()
    browser.sign_in(found["owner"])
    wide = {}

    for path in paths(found):
        if not path.endswith("/edit/"):  # on a phone its outline is the editor
            wide |= browser.too_wide(path)
    settings_scene(found)
    browser.sign_in(found["admin"])
    for path in SETTINGS:
        wide |= browser.too_wide(path)

    assert wide == {}


@pytest.mark.parametrize(("page", "limit"), [("/runs/", JS_LIMIT), ("run", CANVAS_LIMIT)])
def test_pages_stay_light(browser, page, limit):
    found = scene()
    browser.sign_in(found["owner"])
    browser.open(f"/runs/RUN-{found['run'].number}/" if page == "run" else page)

    def weight(kind):
        names = browser.script(
            "return performance.getEntriesByType('resource').map((e) => e.name)"
            ".filter((n) => new URL(n).pathname.endsWith(arguments[0]))",
            kind,
        )
        texts = browser.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "Promise.all(arguments[0].map((n) => fetch(n).then((r) => r.text()))).then(done)",
            sorted(set(names)),
        )
        return sum(len(gzip.compress(text.encode(), 9)) for text in texts)

    assert 0 < weight(".css") < CSS_LIMIT
    assert 0 < weight(".js") < limit
