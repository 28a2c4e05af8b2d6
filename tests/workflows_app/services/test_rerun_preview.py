"""What a retry would repeat is told before it is asked for."""

import pytest
from django.template.loader import render_to_string

from tests.engine_harness import edges, run_to_rest, step, version_make
from workflows_app.services.rerun_preview import rerun_preview

pytestmark = pytest.mark.django_db(transaction=True)


def acting(id):
    return step(id, effect="reversible")


@pytest.fixture
def run():
    body = {"steps": [step("look"), acting("pay")], "edges": edges("look>pay")}
    undo = {"kind": "script", "name": "echo"}
    each = {"id": "each", "kind": "map", "with": {"items": [1, 2], "body": body}, "undo": undo}
    steps = [acting("first"), each, acting("mail"), step("last", "boom"), acting("beside")]
    version = version_make(steps, edges("first>each", "each>mail", "mail>last", "first>beside"))
    return run_to_rest(version)


def paths(preview):
    return [one.path for one in preview.effects]


def test_a_step_without_followers_repeats_only_itself(run):
    preview = rerun_preview(run=run, path="last")

    assert (preview.again, preview.kept, paths(preview)) == (1, 8, [])
    assert "is repeated" in render_to_string("workflows/_rerun_preview.html", {"preview": preview})


def test_the_effects_inside_and_after_a_box_are_named(run):
    preview = rerun_preview(run=run, path="each")

    assert sorted(paths(preview)) == ["each[0].pay", "each[1].pay", "mail"]
    assert (preview.again, preview.kept) == (7, 2)
    page = render_to_string("workflows/_rerun_preview.html", {"preview": preview})
    assert "3 effects will happen again" in page
    assert "each[1].pay" in page


def test_from_inside_a_box_other_items_are_kept(run):
    preview = rerun_preview(run=run, path="each[1].pay")

    assert sorted(paths(preview)) == ["each[1].pay", "mail"]


def test_a_path_that_is_not_there_has_none(run):
    assert rerun_preview(run=run, path="nothing") is None
