"""Who else edits a draft."""

from datetime import timedelta

from django.db.models.functions import Now

from workflows_app.models import DraftEdit

ADDRESS = "/workflows/refund/edit/others/"


def test_who_saved_lately_is_named_and_oneself_is_not(
    designer, owner, colleague, viewer, workflow, send
):
    DraftEdit.objects.create(workflow=workflow, user=colleague, label="Add Agent", changes=[])
    DraftEdit.objects.create(workflow=workflow, user=owner, label="Mine", changes=[])
    old = DraftEdit.objects.create(workflow=workflow, user=viewer, label="Long ago", changes=[])
    DraftEdit.objects.filter(pk=old.pk).update(at=Now() - timedelta(hours=1))

    part = designer.get(ADDRESS).content.decode()
    page = designer.get("/workflows/refund/edit/").content.decode()

    assert "jo saved" in part
    assert "Add Agent" in part
    assert "Mine" not in part
    assert "Long ago" not in part
    assert "jo saved" in page
    assert f'data-live-topics="draft:{workflow.pk} inbox"' in page


def test_a_stranger_sees_nobody(client, stranger, workflow):
    client.force_login(stranger)

    assert client.get(ADDRESS).status_code == 404
