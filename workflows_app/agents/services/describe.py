"""Drafting a workflow from a sentence with the model, checked like any other definition."""

import time
from typing import Any

from django.conf import settings

from workflows_app.agents.client import anthropic_reply
from workflows_app.agents.connections import connection_release
from workflows_app.agents.core.answers import answer_read
from workflows_app.agents.core.describe import RULES, SCHEMA, describe_prompt, repair_prompt
from workflows_app.agents.core.model_specs import model_pick, model_roles
from workflows_app.agents.core.requests import ModelRequest
from workflows_app.agents.network import Patience
from workflows_app.core.definition import Checked, Problem
from workflows_app.core.kinds import StepError, kinds
from workflows_app.errors import Conflict, Invalid
from workflows_app.models import Workspace
from workflows_app.selectors.definitions import check_context
from workflows_app.services.versions import definition_validate

JSON = Any
ROLE = "large"
SECONDS = 120.0  # for both calls together
SENTENCE_LIMIT = 4_000  # characters


def can_describe() -> bool:
    """Say whether there is a model to ask."""
    return bool(settings.ANTHROPIC_API_KEY)


def workflow_describe(*, workspace: Workspace, sentence: str) -> tuple[dict[str, JSON], Checked]:
    """Give the definition that a model drafts, repaired once, and what its check still finds.

    Raises:
        Conflict: `no_model`: no key is configured.
        Invalid: the sentence is empty or too long, or the model gave nothing that can be used.
    """
    if not can_describe():
        raise Conflict("Describing needs a model, and no key is configured.", code="no_model")
    wanted = sentence.strip()
    if not 0 < len(wanted) <= SENTENCE_LIMIT:
        raise Invalid(f"Describe it in 1 to {SENTENCE_LIMIT} characters.", code="bad_sentence")
    offered = [kind for kind in kinds().values() if not kind.is_hidden]
    prompt = describe_prompt(wanted, offered, check_context(workspace=workspace))
    messages: list[dict[str, JSON]] = [{"role": "user", "content": prompt}]
    patience = Patience(deadline=time.monotonic() + SECONDS)
    text, draft, checked = _draft(workspace, messages, patience)
    problems = checked.errors if checked else ()
    if draft is None or problems:
        said = problems or (Problem("error", "json", None, "", "it is no JSON object"),)
        messages += [
            {"role": "assistant", "content": text or "(no answer)"},
            {"role": "user", "content": repair_prompt(said)},
        ]
        _, second, again = _draft(workspace, messages, patience)
        if second is not None and again is not None:
            draft, checked = second, again
    if draft is None or checked is None:
        raise Invalid("The model gave no definition, twice. Nothing was made.", code="no_draft")
    return draft, checked


def _draft(
    workspace: Workspace, messages: list[dict[str, JSON]], patience: Patience
) -> tuple[str, dict[str, JSON] | None, Checked | None]:
    """Ask once: the answer's text, the definition in it, and its check."""
    spec = model_pick(model_roles(workspace.settings), ROLE, None)
    request = ModelRequest(messages=messages, system=RULES)
    connection_release()
    try:
        reply = anthropic_reply(spec, request, patience)
    except StepError as error:
        raise Invalid(f"The model did not answer: {error.message}", code=error.code) from None
    value, problem = answer_read(reply.text, SCHEMA)
    if problem is not None or not isinstance(value, dict):
        return reply.text, None, None
    return reply.text, value, definition_validate(definition=value, workspace=workspace)
