"""Where a run stands, by the places of its definition."""

import pytest

from tests.views import factories
from workflows_app.selectors.run_places import run_places

pytestmark = pytest.mark.django_db


def test_a_machine_tells_which_state_it_is_in_also_without_a_body():
    space = factories.workspace_make()
    run = factories.run_make(factories.version_make(factories.workflow_make(space)), "waiting")
    progress = {"state": "here", "visits": {"first": 1, "here": 2}}
    factories.step_make(
        run, "order", "waiting", kind="state_machine", is_container=True, reason="trigger",
        progress=progress,
    )  # fmt: skip

    places = {place.path: place for place in run_places(run=run)}

    assert (places["order.here"].state, places["order.here"].total) == ("running", 2)
    assert (places["order.first"].state, places["order.first"].total) == ("succeeded", 1)
    assert set(places) == {"order", "order.first", "order.here"}
