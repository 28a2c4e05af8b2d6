"""Who may call the route that decides, and the record of whoever tried without being able to."""

from django.http import HttpRequest

from approvals_app.services.record import attempt_refused
from workflows_app.api.auth import BODY_LIMIT, Needs, principal_of_request
from workflows_app.errors import Forbidden
from workflows_app.selectors.people import Principal


class NeedsToDecide(Needs):
    """Lets through who may decide at all; that somebody else tried is recorded."""

    def __call__(self, request: HttpRequest) -> Principal:
        try:
            return super().__call__(request)
        except Forbidden as error:
            who = principal_of_request(request)
            approval_id = request.resolver_match.kwargs["approval_id"]  # type: ignore[union-attr]
            attempt_refused(approval_id=approval_id, actor=who, error=error)
            raise


needs_to_decide = NeedsToDecide(("decide",), BODY_LIMIT)
