"""A model server to test against: the Messages API over real HTTP, with scripted answers."""

from tests.fake_anthropic.replies import Reply, error, json_reply, text, tool_use, tool_uses
from tests.fake_anthropic.server import FakeAnthropic, Recorded

__all__ = [
    "FakeAnthropic",
    "Recorded",
    "Reply",
    "error",
    "json_reply",
    "text",
    "tool_use",
    "tool_uses",
]
