"""Every page: who may see it, whole and as a fragment."""

import pytest

from tests.views import factories

HTMX = {"HX-Request": "true"}


def pages(run):
    slug = run.workflow.slug
    return [
        "/",
        "/find/",
        "/me/",
        "/workflows/",
        f"/workflows/{slug}/",
        f"/workflows/{slug}/?tab=json",
        f"/workflows/{slug}/?tab=versions",
        f"/workflows/{slug}/versions/14/",
        "/runs/",
        "/runs/?q=state:running workflow:refund nonsense:1",
        f"/runs/RUN-{run.number}/",
        f"/runs/RUN-{run.number}/?view=steps&events=full",
        f"/runs/RUN-{run.number}/?events=json",
        f"/runs/RUN-{run.number}/events.json",
        f"/runs/start/{slug}/",
        f"/runs/start/{slug}/?as=json",
        f"/runs/start/{slug}/csv/",
    ]


def fill(run):
    factories.step_make(run, "redact", "succeeded", kind="guard", output={"text": "x"})
    factories.step_make(run, "payments", "failed", error={"code": "http", "message": "503"})
    factories.step_make(run, "draft", "running", kind="agent", is_container=True)
    factories.step_make(run, "draft.turn[0].reply", "waiting", reason="event", kind="wait")
    factories.event_make(run, "run.started", from_state="queued", to_state="running")
    factories.event_make(
        run, "step.ended", path="redact", generation=0, from_state="running", to_state="succeeded"
    )


def test_owner_sees_every_page(client, owner, run):
    fill(run)
    client.force_login(owner)

    statuses = {url: client.get(url).status_code for url in pages(run)}

    assert set(statuses.values()) == {200}, statuses


def test_fragment_is_no_whole_page(client, owner, run):
    fill(run)
    client.force_login(owner)

    for url in ("/", "/workflows/", "/runs/", f"/runs/RUN-{run.number}/", "/find/?q=ref"):
        body = client.get(url, headers=HTMX).content.decode()
        assert "<html" not in body, url
        assert "id=" in body, url


def test_stranger_gets_404_for_what_is_not_theirs(client, stranger, run):
    client.force_login(stranger)

    for url in pages(run):
        expected = (
            200 if url.split("?")[0] in {"/", "/find/", "/me/", "/workflows/", "/runs/"} else 404
        )
        response = client.get(url)
        assert response.status_code == expected, url
        body = response.content.decode().replace("RUN-12, APR-7", "")  # what the palette shows
        assert "RUN-" + str(run.number) not in body or expected == 404


def test_anonymous_is_sent_to_sign_in(client, run):
    for url in pages(run):
        response = client.get(url)
        assert response.status_code == 302, url
        assert response["Location"].startswith("/sign-in/?next=")


@pytest.mark.parametrize("url", ["/workflows/none/", "/runs/RUN-999999/", "/runs/start/none/"])
def test_what_does_not_exist_is_404(client, owner, url):
    client.force_login(owner)

    response = client.get(url)

    assert response.status_code == 404
    assert "Request" in response.content.decode()


def test_pages_hold_no_inline_script_or_style(client, owner, run):
    fill(run)
    client.force_login(owner)

    for url in pages(run):
        if url.endswith(".json"):
            continue
        body = client.get(url).content.decode()
        assert " style=" not in body, url
        assert "<style" not in body, url
        assert "onclick" not in body, url
        assert "hx-on" not in body, url
