"""When an answer takes effect."""

from datetime import timedelta

import pytest

from tests.approvals_app import factories
from tests.approvals_app.services.deciding import decide, untouched
from workflows_app.errors import Invalid
from workflows_app.models import InboxFact, Timer

pytestmark = pytest.mark.django_db


def test_a_page_has_an_undo_window_and_a_token_has_none(people):
    request = factories.request_for()

    decided = decide(request, people["anna"], via="page")

    assert decided.effective_at - decided.decided_at == timedelta(seconds=8)
    assert not InboxFact.objects.exists()
    timer = Timer.objects.get(step_run=request.step_run_id)
    assert (timer.name, timer.due_at) == ("dispatch", decided.effective_at)
    assert timer.fact["outcome"] == "approved"


def test_a_token_may_ask_for_a_window(people):
    decided = decide(factories.request_for(), people["anna"], undo_seconds=30)

    assert decided.effective_at - decided.decided_at == timedelta(seconds=30)


@pytest.mark.parametrize("seconds", [-1, 61, float("nan")])
def test_a_window_is_up_to_a_minute(people, seconds):
    request = factories.request_for()

    with pytest.raises(Invalid):
        decide(request, people["anna"], undo_seconds=seconds)

    assert untouched(request)


def test_irreversible_and_critical_decisions_hold_at_once(people):
    irreversible = factories.request_for(
        factories.waiting_step(starter=people["olga"], effect="irreversible")
    )
    critical = factories.request_for(risk="critical")

    one = decide(irreversible, people["anna"], via="page")
    decide(critical, people["anna"], via="page", reason="Checked")
    two = decide(critical, people["ben"], via="page", reason="Checked")

    assert one.effective_at == one.decided_at
    assert two.effective_at == two.decided_at
    assert not Timer.objects.exists()
