"""What the builder's scripts get: JSON, also when something is wrong."""

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.views.decorators.cache import never_cache

from project.errors import problem_of, problem_response
from project.json_form import json_text
from workflows_app.core.definition.changes import DraftChange
from workflows_app.core.strict_json import JsonRefused
from workflows_app.errors import DomainError
from workflows_app.models import User, Workflow
from workflows_app.selectors.definitions import workflow_get
from workflows_app.selectors.people import Principal, principal_of_user

JSON = Any
View = Callable[..., HttpResponse]


def json_answer(body: JSON, status: int = 200) -> HttpResponse:
    """Give a JSON answer."""
    return HttpResponse(json_text(body), status=status, content_type="application/json")


def json_view(view: View) -> View:
    """Answer programs: 401 without a session, and a problem document for what is refused."""

    @never_cache
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return problem_response(request, 401, detail="Sign in first.")
        try:
            return view(request, *args, **kwargs)
        except (DomainError, JsonRefused) as error:
            return problem_response(request, **problem_of(request, error))

    return answer


def editing(request: HttpRequest, slug: str) -> tuple[Workflow, User]:
    """Give the workflow that this person may design.

    Raises:
        NotFound: there is none that the person may see.
        Forbidden: the person may only read it.
    """
    workflow, actor, user = reading(request, slug)
    actor.require("design", workflow.workspace_id)
    return workflow, user


def reading(request: HttpRequest, slug: str) -> tuple[Workflow, Principal, User]:
    """Give the workflow that this person may read.

    Raises:
        NotFound: there is none that the person may see.
    """
    user: User = request.user  # type: ignore[assignment]
    actor = principal_of_user(user)
    return workflow_get(actor=actor, slug=slug), actor, user


def trigger_header(name: str, body: JSON) -> str:
    """Give the value of `HX-Trigger` for one event; headers take ASCII alone."""
    return json.dumps({name: body}, ensure_ascii=True)


HEADER_LIMIT = 4_000  # bytes: what a proxy surely lets pass


def changed_answer(
    response: HttpResponse,
    workflow: Workflow,
    changes: Sequence[DraftChange],
    problems: list[dict[str, JSON]],
    label: str,
    **more: JSON,
) -> HttpResponse:
    """Tell the page that the draft changed: the event `draft:changed` with what changed.

    What is too long for a header stands in the body, and the page's script fires the event.
    """
    told = {
        "revision": workflow.revision,
        "changes": [change.as_json() for change in changes],
        "problems": problems,
        "label": label,
        **more,
    }
    header = trigger_header("draft:changed", told)
    if len(header) <= HEADER_LIMIT:
        response["HX-Trigger"] = header
        return response
    carried = format_html(
        '<data id="draft-change" hx-swap-oob="true" value="{}"></data>', json_text(told)
    )
    response.content += carried.encode()
    response["HX-Trigger-After-Swap"] = "draft:carried"
    return response
