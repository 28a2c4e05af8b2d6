"""Keeping queries of the list of runs; sharing one is recorded."""

from django.db import transaction

from workflows_app.errors import Invalid, NotFound
from workflows_app.models import SavedView, User
from workflows_app.selectors.people import Principal
from workflows_app.selectors.run_query import query_parse, query_text
from workflows_app.services.history import app_event_record

MOST = 100  # views of one person


@transaction.atomic
def view_put(
    *, user: User, principal: Principal, name: str, query: str, is_shared: bool = False
) -> SavedView:
    """Create or replace a person's view of that name.

    Raises:
        Invalid: the query says nothing, or something unknown, or there are too many views.
        Forbidden: a person without a workspace.
    """
    filters, unknown = query_parse(query)
    if unknown or not filters:
        what = f"{', '.join(unknown)} means nothing" if unknown else "the query is empty"
        raise Invalid(f"{what}; nothing was kept.", code="bad_filter")
    if SavedView.objects.filter(owner=user).exclude(name=name).count() >= MOST:
        raise Invalid(f"A person keeps up to {MOST} views.", code="too_many_views")
    view, _ = SavedView.objects.update_or_create(
        workspace=principal.home,
        owner=user,
        name=name.strip(),
        defaults={"query": query_text(filters), "is_shared": is_shared},
    )
    if is_shared:
        app_event_record(
            workspace=principal.home,
            type="view.shared",
            object=f"view:{view.name}",
            actor=principal.actor,
            data={"query": view.query},
        )
    return view


def view_delete(*, user: User, pk: int) -> None:
    """Take a view away.

    Raises:
        NotFound: it is not this person's.
    """
    deleted, _ = SavedView.objects.filter(pk=pk, owner=user).delete()
    if not deleted:
        raise NotFound("You have no such view.")
