"""What is said of a step that did not end well: its error, and that the run goes on without it."""

from typing import Any

from workflows_app.core.effects import Degraded
from workflows_app.core.engine.draft import Draft, StepDraft

JSON = Any


def degrade(draft: Draft, status: StepDraft, port: str) -> str:
    """An optional step's failure gives null and takes `done`; the run says so."""
    error = error_of(status, port)
    status.is_degraded = True
    status.output, status.has_output = None, True
    draft.effects.append(Degraded(path=status.path, code=error["code"], message=error["message"]))
    return "done"


def error_of(status: StepDraft, port: str) -> dict[str, str]:
    """Name a failure by its own code, a refusal by its port."""
    error = status.error if isinstance(status.error, dict) else {}
    return {
        "code": (error.get("code") if port == "error" else None) or port,
        "message": error.get("message") or f"{status.step} ended with {port}, which leads nowhere",
        "path": error.get("path") or status.path,
    }
