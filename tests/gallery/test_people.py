"""What people answer in the gallery's workflows, and what becomes of it; live, without a key."""

import pytest

from approvals_app.models import ApprovalRequest
from tests.engine_harness import states, until
from tests.gallery.running import (
    acts_of,
    answer,
    end,
    example,
    pending,
    product_running,
    rest,
    start,
)
from workflows_app.models import Group, Member
from workflows_app.services.people import person_create, workspace_default

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def second(gallery):
    """One more reviewer, who belongs to every group that the gallery's gates ask."""

    def join():
        space = workspace_default()
        person_create(username="second", workspace=space, roles=["reviewer"])
        member = Member.objects.get(workspace=space, user__username="second")
        for group in Group.objects.filter(workspace=space):
            group.members.add(member)

    return join


def next_request(run, before=()):
    """The pending request that is none of those before."""
    known = {request.pk for request in before}
    until(
        lambda: ApprovalRequest.objects.filter(run=run, state="pending").exclude(pk__in=known),
        seconds=30,
    )
    return ApprovalRequest.objects.filter(run=run, state="pending").exclude(pk__in=known).get()


def test_two_people_close_an_account_and_one_alone_does_not(gallery, second):
    workflow = gallery("approval-before-action")
    second()

    with product_running():
        run = rest(start(workflow, example("approval-before-action")))
        [request] = pending(run)
        answer(request)
        request.refresh_from_db()
        assert (request.state, acts_of("crm.close_account").count()) == ("pending", 0)
        answer(request, by="second")
        end(run)

    assert run.state == "succeeded"
    assert acts_of("crm.close_account").count() == 1


def test_a_checkpoint_changes_what_comes_next_and_nothing_else(gallery):
    workflow = gallery("staged-release")

    with product_running():
        run = rest(start(workflow, example("staged-release")))
        request = next_request(run)
        answer(request, "change", changes={"skip": ["second"]})
        end(run)

    assert run.state == "succeeded"
    assert states(run)["second"] == "skipped"
    assert run.output["released"] is True


def test_a_checkpoint_stops_the_release(gallery):
    workflow = gallery("staged-release")

    with product_running():
        run = rest(start(workflow, example("staged-release")))
        answer(next_request(run), "reject", reason="too many complaints")
        end(run)

    assert run.output["stopped_by"] == {"reason": "too many complaints"}
    assert states(run)["all"] == "skipped"


def test_a_rejected_provisional_step_takes_back_what_followed_newest_first(gallery):
    workflow = gallery("provisional-review")

    with product_running():
        run = rest(start(workflow, example("provisional-review")))
        [request] = pending(run)
        answer(request, "reject", reason="the wrong customer")
        end(run)

    assert run.output["rolled_back"]["reason"] == "the wrong customer"
    assert acts_of("mail.send").count() == 0
    assert acts_of("inventory.release").count() == acts_of("crm.restore").count() == 1
    released, restored = acts_of("inventory.release").get(), acts_of("crm.restore").get()
    assert released.pk < restored.pk


def test_a_person_gives_the_right_label_and_it_is_filed(gallery):
    workflow = gallery("label-queue")

    with product_running():
        run = rest(start(workflow, example("label-queue")))
        asked = next_request(run)
        answer(asked, label="returns")
        answer(next_request(run, [asked]))
        end(run)

    assert (run.output["label"], run.output["by"]) == ("returns", "user:reviewer")
    assert acts_of("crm.update").get().arguments["value"] == "returns"


def test_a_sure_label_asks_only_about_the_filing(gallery):
    workflow = gallery("label-queue")

    with product_running():
        run = rest(start(workflow, example("label-queue", 1)))
        [request] = pending(run)
        assert request.path == "file"
        answer(request)
        end(run)

    assert (run.output["label"], run.output["by"]) == ("delivery", "classifier")


def test_what_the_house_rules_answer_reaches_nobody(gallery):
    workflow = gallery("complaint-desk")

    with product_running():
        run = end(start(workflow, example("complaint-desk", 2)))

    assert run.output["tier"] == "house_rules"
    assert not ApprovalRequest.objects.filter(run=run).exists()


@pytest.mark.parametrize("number", [0, 1])
def test_a_complaint_reaches_the_desk_with_what_was_tried_before(gallery, number):
    workflow = gallery("complaint-desk")

    with product_running():
        run = rest(start(workflow, example("complaint-desk", number)))
        request = next_request(run)
        assert "house_rules" in request.details
        assert "record" in request.details
        answer(request, "take_over", output={"reply": "A new leg is on its way", "goodwill": 20})
        end(run)

    assert run.output["tier"] == "desk"
    assert run.output["answer"]["output"]["reply"] == "A new leg is on its way"
    assert run.output["attempts"] == 3


def test_what_no_desk_settles_is_unresolved(gallery):
    workflow = gallery("complaint-desk")

    with product_running():
        run = rest(start(workflow, example("complaint-desk")))
        desk = next_request(run)
        answer(desk, "reject", reason="not for us")
        answer(next_request(run, [desk]), "reject", reason="nor for us")
        end(run)

    assert run.output["unresolved"]["message"] == "Nobody could settle this."
