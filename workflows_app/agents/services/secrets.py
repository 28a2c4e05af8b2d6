"""Setting secrets and taking them away. There is no way to read one back."""

import re

from django.db import transaction
from django.db.models.functions import Now

from workflows_app.agents.models import Secret
from workflows_app.agents.redaction import secret_known
from workflows_app.agents.sealing import seal
from workflows_app.agents.selectors.secrets import secret_uses
from workflows_app.errors import Invalid, NotFound
from workflows_app.models import AppEvent, User, Workspace

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
LONGEST = 10_000


@transaction.atomic
def secret_put(
    *, workspace: Workspace, name: str, value: str, actor: str, user: User | None = None
) -> bool:
    """Set a secret's value, encrypted; tell whether it is new.

    The record says who set it and when, because that person may not approve what it opens.

    Raises:
        Invalid: a bad name, or a value that no header can carry.
    """
    problems = []
    if not NAME.fullmatch(name):
        problems.append(_problem("/name", "bad_name", "up to 100 letters, digits, _ . and -"))
    if not value or len(value) > LONGEST or not value.isascii() or not value.isprintable():
        problems.append(_problem("/value", "bad_value", "printable ASCII, as headers carry it"))
    if problems:
        raise Invalid("The secret cannot be kept.", problems=problems)
    secret_known(name, value)
    _, is_new = Secret.objects.update_or_create(
        workspace=workspace,
        name=name,
        defaults={"value": seal(value), "set_by": user, "set_at": Now()},
    )
    AppEvent.objects.create(
        workspace=workspace, type="secret.set", object=f"secret:{name}", actor=actor
    )
    return is_new


@transaction.atomic
def secret_delete(*, workspace: Workspace, name: str, actor: str) -> list[str]:
    """Take a secret away for good; give what still names it, whose calls fail from now on.

    Raises:
        NotFound: there is no such secret.
    """
    users = sorted({user for secret, user in secret_uses(workspace=workspace) if secret == name})
    gone, _ = Secret.objects.filter(workspace=workspace, name=name).delete()
    if not gone:
        raise NotFound(f"There is no secret {name}.")
    AppEvent.objects.create(
        workspace=workspace,
        type="secret.deleted",
        object=f"secret:{name}",
        actor=actor,
        data={"used_by": users},
    )
    return users


def _problem(pointer: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message}
