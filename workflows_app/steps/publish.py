"""The kind `publish`: tell the world that something happened."""

from typing import Annotated, Any

from pydantic import Field

from workflows_app.core.kinds import Kind
from workflows_app.core.states import Effect
from workflows_app.steps.settings import Settings


class PublishSettings(Settings):
    """The event."""

    type: Annotated[str, Field(min_length=1, max_length=200)]
    subject: str | None = Field(None, description="the correlation key")
    data: Any = None


class PublishKind(Kind):
    """Publish an event; waits and triggers see it, and subscriptions carry it out."""

    name = "publish"
    primitive = "call"
    settings = PublishSettings
    is_available = False  # until its engine is there
    label = "Publish"
    summary = "Publishes an event, which may start or resume other runs."

    def effect(self, settings: Any) -> Effect:
        """What others were told cannot be taken back."""
        return Effect.IRREVERSIBLE

    def is_idempotent(self, settings: Any) -> bool:
        """An event carries the step's key as its id, so a repeat is recognised."""
        return True
