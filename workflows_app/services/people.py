"""People, their places in workspaces, their tokens and their sign-in links, by one name."""

from workflows_app.services.members import (
    app_event,
    member_change_propose,
    member_change_settle,
    member_put,
    person_create,
    workspace_create,
    workspace_default,
)
from workflows_app.services.tokens import (
    Unauthenticated,
    sign_in_event,
    sign_in_link_create,
    sign_in_link_find,
    sign_in_link_use,
    token_check,
    token_create,
    token_revoke,
)

__all__ = [
    "Unauthenticated",
    "app_event",
    "member_change_propose",
    "member_change_settle",
    "member_put",
    "person_create",
    "sign_in_event",
    "sign_in_link_create",
    "sign_in_link_find",
    "sign_in_link_use",
    "token_check",
    "token_create",
    "token_revoke",
    "workspace_create",
    "workspace_default",
]
