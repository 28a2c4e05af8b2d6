"""The kind `publish`: tell the world that something happened."""

from typing import Annotated, Any

from django.db import OperationalError
from pydantic import Field

from workflows_app.core.kinds import Call, Done, Kind, StepError
from workflows_app.core.states import Effect
from workflows_app.event_hooks import publisher
from workflows_app.steps.settings import Settings


class PublishSettings(Settings):
    """The event."""

    type: Annotated[str, Field(min_length=1, max_length=200)]
    subject: str | int | float | None = Field(None, description="the correlation key")
    data: Any = None


class PublishKind(Kind):
    """Publish an event; waits and triggers see it, and subscriptions carry it out."""

    name = "publish"
    primitive = "call"
    settings = PublishSettings
    label = "Publish"
    summary = "Publishes an event, which may start or resume other runs."

    def effect(self, settings: Any) -> Effect:
        """What others were told cannot be taken back."""
        return Effect.IRREVERSIBLE

    def is_idempotent(self, settings: Any) -> bool:
        """An event carries the step's key as its id, so a repeat is recognised."""
        return True

    def run(self, call: Call) -> Done:
        """Store the event under the step's key; a rehearsal tells nobody.

        Raises:
            StepError: the type is no text, or the database did not answer.
        """
        event_type, subject = call.settings.get("type"), call.settings.get("subject")
        if not isinstance(event_type, str) or not 0 < len(event_type) <= 200 or "*" in event_type:
            raise StepError("bad_event", f"{str(event_type)[:40]!r} is no type of an event")
        if call.mode == "rehearsal":
            return Done(output={"id": call.key}, details={"simulated": True})
        try:
            publisher()(
                run_id=call.run_id,
                workspace_id=call.workspace_id,
                key=call.key,
                type=event_type,
                subject=None if subject is None else str(subject),
                data=call.settings.get("data"),
            )
        except OperationalError as error:
            raise StepError("unavailable", str(error), retryable=True) from error
        return Done(output={"id": call.key})
