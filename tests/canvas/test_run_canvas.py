"""What the canvas of a run reads: the version, and the places of the definition in their states."""

import pytest
from django.test import Client

from tests.views import factories
from workflows_app.models import Scope

EACH = {
    "id": "each",
    "kind": "map",
    "with": {
        "items": "=input.items",
        "body": {"steps": [{"id": "label", "kind": "transform", "with": {"value": "=item"}}]},
    },
}
DEFINITION = {"format": 1, "name": "Many", "input": {}, "steps": [EACH], "edges": []}


@pytest.fixture
def run(workspace):
    workflow = factories.workflow_make(workspace)
    version = factories.version_make(workflow)
    version.definition = DEFINITION
    version.save(update_fields=["definition"])
    return factories.run_make(version, "running")


@pytest.fixture
def reader(viewer):
    client = Client()
    client.force_login(viewer)
    return client


def _states(client, run):
    answer = client.get(f"/runs/RUN-{run.number}/states.json").json()
    return answer, {row[0]: row[1:] for row in answer["steps"]}


def _items(run, states):
    for index, state in enumerate(states):
        Scope.objects.create(
            run=run, kind="item", path=f"each[{index}]", position=index, state=state
        )


def test_the_canvas_of_a_run_gets_its_version_and_may_change_nothing(run, reader):
    body = reader.get(f"/runs/RUN-{run.number}/canvas.json").json()

    assert body["definition"] == DEFINITION
    assert body["may_edit"] is False
    assert {"palette", "rules", "sequence", "steps"} <= set(body)


def test_items_are_counted_at_their_container_and_the_most_telling_state_is_shown(run, reader):
    factories.step_make(run, "each", "running", kind="map", is_container=True)
    _items(run, ["ended", "ended", "open", "pending"])
    factories.step_make(run, "each[0].label", "succeeded", began=0, lasted=1, port="done")
    factories.step_make(run, "each[1].label", "failed", began=0, lasted=1, port="error")
    factories.step_make(run, "each[2].label", "running", began=1)

    answer, states = _states(reader, run)

    assert answer["sequence"] == run.sequence
    assert states["each"][0] == "running"
    assert states["each"][4:6] == [2, 4]
    state, _, reason, port, done, total, sample = states["each.label"]
    assert (state, reason, port) == ("running", None, "done,error")
    assert (done, total, sample) == (2, 3, "each[2].label")


def test_a_single_step_has_its_port_and_no_count(run, reader):
    factories.step_make(run, "draft", "succeeded", began=0, lasted=2, port="done")

    _, states = _states(reader, run)

    assert states["draft"] == ["succeeded", 2000, None, "done", None, None, "draft"]


def test_a_visited_state_of_a_machine_is_a_place(run, reader):
    Scope.objects.create(run=run, kind="visit", path="order.paid[0]", position=0, state="ended")
    Scope.objects.create(run=run, kind="visit", path="order.paid[1]", position=1, state="open")

    _, states = _states(reader, run)

    assert states["order.paid"][0] == "running"
    assert states["order.paid"][4:6] == [1, 2]


def test_strangers_find_no_run_and_nobody_reads_without_a_session(run):
    stranger = factories.user_make("sam", factories.workspace_make("elsewhere"), ("viewer",))
    outside = Client()
    outside.force_login(stranger)

    for name in ("canvas.json", "states.json"):
        assert outside.get(f"/runs/RUN-{run.number}/{name}").status_code == 404
        assert Client().get(f"/runs/RUN-{run.number}/{name}").status_code == 401


def test_the_page_keeps_the_drawing_of_the_server_for_browsers_without_scripts(run, reader):
    page = reader.get(f"/runs/RUN-{run.number}/").content.decode()

    canvas = page[page.index("<workflow-canvas") : page.index("</workflow-canvas>")]
    assert 'mode="run"' in canvas
    assert 'class="graph"' in canvas
