"""Which model a role means in a workspace, at what price, and whether it answers."""

import math
import re
import time
from typing import Any

from django.conf import settings
from django.db import transaction

from workflows_app.agents.client import anthropic_reply
from workflows_app.agents.connections import connection_release
from workflows_app.agents.core.model_specs import DEFAULT_MODELS, ModelSpec, model_roles
from workflows_app.agents.core.requests import ModelReply, ModelRequest
from workflows_app.agents.network import Patience
from workflows_app.core.kinds import StepError
from workflows_app.errors import Conflict, Invalid, NotFound
from workflows_app.models import Workspace
from workflows_app.selectors.people import Principal
from workflows_app.services.people import app_event

JSON = Any
ROLE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,199}")
DEAREST = 10_000.0  # US dollars for a million tokens
LONGEST = 1_000_000  # tokens of one answer
TRIAL = ModelRequest(messages=[{"role": "user", "content": "Answer with: ok"}], max_tokens=64)
TRIAL_SECONDS = 20.0


@transaction.atomic
def model_put(
    *,
    workspace: Workspace,
    role: str,
    id: str,
    input_usd: float,
    output_usd: float,
    max_tokens: int = 0,
    actor: Principal,
) -> ModelSpec:
    """Set what a role means from the next publication on; versions keep the model they pinned.

    Args:
        input_usd, output_usd: US dollars for a million tokens.
        max_tokens: of one answer; 0 leaves it to each step.

    Raises:
        Forbidden: the actor does not administer the workspace.
        Invalid: a bad name or number.
    """
    actor.require("admin", workspace.pk)
    row = {"id": id, "input_usd": input_usd, "output_usd": output_usd, "max_tokens": max_tokens}
    _check(role, row)
    locked = Workspace.objects.select_for_update().get(pk=workspace.pk)
    chosen = locked.settings.get("models") or {}
    if id == DEFAULT_MODELS.get(role, {}).get("id"):
        row["long"] = DEFAULT_MODELS[role].get("long")  # its own prices of long prompts stay
    else:
        row["long"] = None
    locked.settings["models"] = {**chosen, role: row}
    locked.save(update_fields=["settings"])
    app_event(workspace, "model.set", f"model:{role}", actor.actor, data=row)
    return model_roles(locked.settings)[role]


@transaction.atomic
def model_reset(*, workspace: Workspace, role: str, actor: Principal) -> None:
    """Let a role mean again what this release says; one that it does not know is gone.

    Raises:
        Forbidden: the actor does not administer the workspace.
        NotFound: nobody has set that role.
    """
    actor.require("admin", workspace.pk)
    locked = Workspace.objects.select_for_update().get(pk=workspace.pk)
    chosen = dict(locked.settings.get("models") or {})
    if role not in chosen:
        raise NotFound(f"Nobody has set the model of the role {role}.")
    was = chosen.pop(role)
    locked.settings["models"] = chosen
    locked.save(update_fields=["settings"])
    app_event(workspace, "model.reset", f"model:{role}", actor.actor, data=was)


def model_try(*, workspace: Workspace, role: str, actor: Principal) -> ModelReply:
    """Ask a role's model for one word, and record how that went and what it cost.

    Raises:
        Forbidden: the actor does not administer the workspace.
        NotFound: there is no such role.
        Conflict: `no_model` without a key, else the code of the failed call.
    """
    actor.require("admin", workspace.pk)
    spec = model_roles(workspace.settings).get(role)
    if spec is None:
        raise NotFound(f"There is no model with the role {role}.")
    if not settings.ANTHROPIC_API_KEY:
        raise Conflict("There is no ANTHROPIC_API_KEY to call a model with.", code="no_model")
    connection_release()
    try:
        reply = anthropic_reply(spec, TRIAL, Patience(deadline=time.monotonic() + TRIAL_SECONDS))
    except StepError as error:
        _tried(workspace, spec, actor, {"error": error.code})
        raise Conflict(f"{spec.id} did not answer: {error.message}", code=error.code) from None
    _tried(workspace, spec, actor, {"cost_usd": reply.cost_usd})
    return reply


def _tried(workspace: Workspace, spec: ModelSpec, actor: Principal, how: dict[str, JSON]) -> None:
    data = {"model": spec.id, **how}
    app_event(workspace, "model.tried", f"model:{spec.role}", actor.actor, data=data)


def _check(role: str, row: dict[str, JSON]) -> None:
    problems = []
    if not ROLE.fullmatch(role):
        problems.append(_problem("/role", "small letters, digits, _ and -, a letter first"))
    if not MODEL.fullmatch(row["id"]):
        problems.append(_problem("/id", "the name by which the provider knows the model"))
    for name in ("input_usd", "output_usd"):
        if not math.isfinite(row[name]) or not 0 <= row[name] <= DEAREST:
            problems.append(_problem(f"/{name}", f"US dollars from 0 to {DEAREST:g}"))
    if not 0 <= row["max_tokens"] <= LONGEST:
        problems.append(_problem("/max_tokens", f"tokens from 0 to {LONGEST}"))
    if problems:
        raise Invalid("The model cannot be set.", problems=problems)


def _problem(pointer: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": "bad_value", "message": message}
