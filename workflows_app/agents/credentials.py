"""Putting secrets into headers: the only place where their values are read."""

from collections.abc import Mapping
from uuid import UUID

from workflows_app.agents.core.tool_spec import SECRET_MARK, secret_names
from workflows_app.agents.models import Secret
from workflows_app.agents.redaction import secret_known
from workflows_app.agents.sealing import unseal


class SecretMissing(Exception):
    """A header names a secret that nobody has set."""


def headers_resolve(
    *, workspace_id: UUID, headers: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Give the headers with their secrets in place, and the names of those that held any.

    Raises:
        SecretMissing: a secret is not set.
        SealBroken: a secret cannot be decrypted any more.
    """
    names = secret_names(headers)
    rows = Secret.objects.filter(workspace_id=workspace_id, name__in=names) if names else ()
    values = {row.name: unseal(bytes(row.value)) for row in rows}
    for name in names:
        if name not in values:
            raise SecretMissing(f"the secret {name} is not set")
        secret_known(name, values[name])
    holding = [name for name, value in headers.items() if SECRET_MARK.search(value)]
    resolved = {
        name.lower(): SECRET_MARK.sub(lambda match: values[match.group(1)], value)
        for name, value in headers.items()
    }
    return resolved, [name.lower() for name in holding]
