"""Making workflows: from templates by pattern, described by a sentence; putting them away."""

import json

import pytest

from tests.fake_anthropic import FakeAnthropic, json_reply, text
from tests.views import factories
from workflows_app.models import Run, Workflow

DRAFTED = {
    "format": 1,
    "name": "Greeting",
    "input": {"type": "object", "properties": {"name": {"type": "string"}}},
    "steps": [{"id": "greet", "kind": "transform", "with": {"value": "Hello {{ input.name }}"}}],
    "edges": [],
}
BROKEN = {**DRAFTED, "steps": [{"id": "greet", "kind": "magic", "with": {}}]}


@pytest.fixture
def model(settings):
    with FakeAnthropic() as fake:
        settings.ANTHROPIC_API_KEY = "key-for-tests"
        settings.ANTHROPIC_BASE_URL = fake.url
        yield fake


def test_templates_are_found_by_pattern_and_become_drafts(designer, workspace):
    every = designer.get("/workflows/new/").context["templates"]
    machines = designer.get("/workflows/new/?family=E").context["templates"]

    response = designer.post("/workflows/new/", {"how": "template", "template": "order-lifecycle"})

    made = Workflow.objects.get()
    assert {one.slug for one in machines} < {one.slug for one in every}
    assert "order-lifecycle" in {one.slug for one in machines}
    assert response["Location"] == f"/workflows/{made.slug}/edit/"
    assert made.draft["name"] == "Order lifecycle"
    assert not made.is_gallery
    assert (
        designer.post("/workflows/new/", {"how": "template", "template": "no"}).status_code == 422
    )


def test_without_a_key_describing_says_so(designer, settings):
    settings.ANTHROPIC_API_KEY = ""

    page = designer.get("/workflows/new/").content.decode()
    response = designer.post("/workflows/new/", {"how": "describe", "sentence": "Greet people"})

    assert "no key is configured" in page
    assert response.status_code == 422
    assert not Workflow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_sentence_becomes_a_draft(designer, model):
    model.reply(json_reply(DRAFTED))

    response = designer.post("/workflows/new/", {"how": "describe", "sentence": "Greet people"})

    made = Workflow.objects.get()
    assert response["Location"] == "/workflows/greeting/edit/"
    assert made.draft == DRAFTED
    asked = json.dumps(model.requests[0].body)
    assert "Greet people" in asked
    assert "- approval:" in asked


@pytest.mark.django_db(transaction=True)
def test_a_draft_with_problems_is_repaired_once(designer, model):
    model.reply(json_reply(BROKEN))
    model.reply(json_reply(DRAFTED))

    designer.post("/workflows/new/", {"how": "describe", "sentence": "Greet people"})

    assert Workflow.objects.get().draft == DRAFTED
    assert len(model.requests) == 2
    assert "magic" in json.dumps(model.requests[1].body["messages"][-1])


@pytest.mark.django_db(transaction=True)
def test_what_is_no_definition_twice_makes_nothing(designer, model):
    model.reply(text("I would rather not."))
    model.reply(text("Really not."))

    response = designer.post("/workflows/new/", {"how": "describe", "sentence": "Greet people"})

    assert response.status_code == 422
    assert "no definition, twice" in response.content.decode()
    assert "Greet people" in response.content.decode()
    assert "definition to import" not in response.content.decode()
    assert not Workflow.objects.exists()


@pytest.mark.parametrize(("runs", "state"), [("", "waiting"), ("cancel", "cancelled")])
def test_archiving_asks_what_becomes_of_open_runs(designer, workflow, runs, state):
    version = factories.version_make(workflow, number=1)
    run = factories.run_make(version, "waiting")
    page = designer.get("/workflows/refund/").content.decode()

    response = designer.post("/workflows/refund/archive/", {"archived": "on", "runs": runs})

    workflow.refresh_from_db()
    assert "1 run is going on" in page
    assert response.status_code == 302
    assert workflow.archived_at is not None
    assert Run.objects.get(pk=run.pk).state == state


def test_cancelling_runs_on_archiving_wants_to_run(client, colleague, workflow):
    run = factories.run_make(factories.version_make(workflow, number=1), "waiting")
    client.force_login(colleague)

    response = client.post("/workflows/refund/archive/", {"archived": "on", "runs": "cancel"})

    workflow.refresh_from_db()
    assert response.status_code == 403
    assert workflow.archived_at is None
    assert Run.objects.get(pk=run.pk).state == "waiting"


def test_the_list_tells_how_long_and_what_waits(designer, workflow):
    version = factories.version_make(workflow, number=1)
    factories.run_make(version, "succeeded")
    waiting = factories.run_make(version, "waiting")
    factories.step_make(
        waiting, "ask", "waiting", kind="approval", reason="approval", waiting={"approval": "x"}
    )

    row = designer.get("/workflows/").context["workflows"][0]

    assert row.asking == 1
    assert round(row.p95.total_seconds()) == 420


def test_an_import_that_is_refused_says_so_in_its_place_and_keeps_the_text(designer, workspace):
    response = designer.post("/workflows/new/", {"how": "import", "text": "a: &x 1\nb: *x\n"})

    card = response.content.decode().partition('id="import-title"')[2].partition("</form>")[0]
    assert response.status_code == 422
    assert "write the value at each place (line 1, column 4)" in card
    assert "a: &amp;x 1" in card
    assert not Workflow.objects.exists()


def test_what_was_exported_comes_back_as_the_same_draft(designer, workflow):
    text = designer.get("/workflows/refund/export.yaml").content.decode()

    designer.post("/workflows/new/", {"how": "import", "text": text})

    made = Workflow.objects.exclude(pk=workflow.pk).get()
    assert made.draft == workflow.draft
