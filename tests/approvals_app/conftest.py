import pytest

from tests.approvals_app import factories


@pytest.fixture(autouse=True)
def nudges(monkeypatch):
    """Gather hints instead of sending them."""
    sent = []
    monkeypatch.setattr(
        "workflows_app.notify.scope_touched", lambda scope_id, run_id: sent.append(scope_id)
    )
    monkeypatch.setattr("workflows_app.notify.runs_changed", lambda run_ids: None)
    return sent


@pytest.fixture
def people(db):
    """Owner and starter `olga`; assignees `anna` and `ben`; `mallory` was not asked."""
    return {
        "olga": factories.person("olga"),
        "anna": factories.person("anna", groups=["approvers"]),
        "ben": factories.person("ben", groups=["approvers"]),
        "mallory": factories.person("mallory"),
    }
