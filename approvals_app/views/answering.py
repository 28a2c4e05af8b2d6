"""Where a person writes an answer: fields by the schema, one text, JSON, and the right label."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from approvals_app.models import ApprovalRequest
from approvals_app.services.edits import output_schema
from workflows_app.models import StepRun
from workflows_app.views.schema_form import MISSING, PREFIX, Field, form_build
from workflows_app.views.schema_read import form_read

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """The form of an answer that is more than yes or no.

    Args:
        is_answer: it is how the request is answered, not one way among others.
        is_text, is_json: what is written where no schema says what it is.
        buttons: (decision, words).
    """

    title: str
    icon: str
    hint: str
    is_answer: bool
    may_take_over: bool
    has_label: bool
    buttons: list[tuple[str, str]]
    is_open: bool = False
    is_text: bool = False
    is_json: bool = False
    fields: list[Field] = field(default_factory=list)


def answering(
    request: ApprovalRequest,
    step_run: StepRun | None,
    allowed: list[str],
    *,
    posted: Mapping[str, str] | None = None,
    problem: Mapping[str, JSON] | None = None,
) -> Answering | None:
    """Give the form for whoever answers, with what was written and what was wrong with it."""
    if step_run is None:
        return None
    schema = output_schema(request, step_run)
    asks = request.is_question and (schema is not None or "answer" in request.decisions)
    is_answer = asks and bool({"approve", "answer"} & set(allowed))
    may_take_over, has_label = "take_over" in allowed, "label" in allowed
    if not (is_answer or may_take_over or has_label):
        return None
    is_written = bool(posted) and _is_written(posted or {})
    return Answering(
        title=_title(is_answer=is_answer, may_take_over=may_take_over),
        icon="pencil" if is_answer else "user-check" if may_take_over else "tag",
        hint=_hint(is_answer=is_answer, may_take_over=may_take_over),
        is_answer=is_answer,
        may_take_over=may_take_over,
        has_label=has_label,
        buttons=_buttons(request, is_answer, may_take_over, has_label, allowed),
        is_open=is_answer or is_written or "approve" not in allowed,
        is_text=schema is None and is_answer,
        is_json=schema is None and may_take_over,
        fields=_fields(schema, posted or {}, problem) if is_answer or may_take_over else [],
    )


def _title(*, is_answer: bool, may_take_over: bool) -> str:
    if is_answer:
        return "Your answer"
    return "Take over: you do the step" if may_take_over else "Correct label"


def _hint(*, is_answer: bool, may_take_over: bool) -> str:
    if may_take_over and not is_answer:
        return "You do what the step would have done. The run goes on with what you write here."
    return "" if may_take_over or is_answer else "Approve, and keep the right label as an example."


def _buttons(
    request: ApprovalRequest,
    is_answer: bool,
    may_take_over: bool,
    has_label: bool,
    allowed: list[str],
) -> list[tuple[str, str]]:
    found = [("approve", "Send this answer")] if is_answer else []
    if has_label and not is_answer:
        found.append(("approve", "Approve with this label"))
    if may_take_over:
        found.append(("take_over", "Take over with this result"))
    return found


def _fields(
    schema: JSON, posted: Mapping[str, str], problem: Mapping[str, JSON] | None
) -> list[Field]:
    if schema is None:
        return []
    value = form_read(schema, posted)[0] if _is_written(posted) else MISSING
    problems = [
        {**one, "pointer": one["pointer"].removeprefix("/output")}
        for one in (problem or {}).get("problems") or ()
        if str(one.get("pointer", "")).startswith("/output")
    ]
    form = form_build(schema, value, problems)
    if form.kind != "object":
        form.label = "Answer"
        return [form]
    return form.children


def _is_written(posted: Mapping[str, str]) -> bool:
    return any(name.startswith(PREFIX) for name in posted)


def is_answered(posted: Mapping[str, str]) -> bool:
    """Tell whether a form holds an answer, in fields or as a text."""
    return bool(posted.get("said", "").strip()) or _is_written(posted)


def output_posted(
    request: ApprovalRequest, step_run: StepRun, posted: Mapping[str, str]
) -> tuple[JSON, list[dict[str, str]]]:
    """Give the answer that a form holds, None where it holds none, and what cannot be read."""
    schema = output_schema(request, step_run) if _is_written(posted) else None
    if schema is not None:
        value, problems = form_read(schema, posted)
        return value, [{**one, "pointer": f"/output{one['pointer']}"} for one in problems]
    said = posted.get("said", "").strip()
    return (said or None), []
