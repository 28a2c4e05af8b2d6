import time
from types import MappingProxyType
from uuid import uuid4

import pytest

from tests.fake_anthropic import FakeAnthropic
from workflows_app.core.kinds import Call


@pytest.fixture
def model(settings):
    """A running model server that the settings point to."""
    with FakeAnthropic() as fake:
        settings.ANTHROPIC_API_KEY = "key-for-tests"
        settings.ANTHROPIC_BASE_URL = fake.url
        yield fake


def _no_expressions(source, **more):
    raise AssertionError(f"nothing to evaluate {source} on")


@pytest.fixture
def make_call():
    """Give a function that makes a Call with the settings of a step."""

    def make(settings=None, *, seconds=30.0, **options):
        fields = {
            "run_id": uuid4(),
            "step_run_id": uuid4(),
            "workspace_id": uuid4(),
            "path": "step",
            "generation": 0,
            "attempt": 1,
            "key": "run/step/0",
            "mode": "live",
            "uses_stand_in": False,
            "settings": settings or {},
            "pins": MappingProxyType({}),
            "sources": MappingProxyType({}),
            "evaluate": _no_expressions,
            "deadline": time.monotonic() + seconds,
            "is_cancelled": lambda: False,
            "actor": "user:anna",
        }
        return Call(**{**fields, **options})

    return make
