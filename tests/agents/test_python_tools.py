import time

import pytest
from pydantic import BaseModel

from workflows_app.agents.invoke import tool_invoke
from workflows_app.agents.tools import ToolCall, ToolError, python_tool, tool
from workflows_app.core.kinds import StepError
from workflows_app.core.states import Effect

pytestmark = pytest.mark.django_db  # a call asks its breaker

PREFIX = "tests_of_agents"


class Parcel(BaseModel):
    id: str
    weight: float
    tags: list[str] = []


@tool(f"{PREFIX}.pack", effect="none")
def pack(id: str, weight: float = 1.5) -> Parcel:
    """Pack a parcel.

    What follows is for people who read the code.
    """
    return Parcel(id=id, weight=weight)


@tool(f"{PREFIX}.send", effect="reversible", idempotent=True, undo=f"{PREFIX}.recall", timeout="3s")
def send(call: ToolCall, parcel: Parcel) -> dict[str, str | float]:
    """Send a parcel."""
    return {
        "id": parcel.id,
        "key": call.key,
        "seconds": float(round(call.deadline - time.monotonic())),
    }


@tool(f"{PREFIX}.fail")
def fail(how: str) -> None:
    """Fail in one of several ways."""
    raise {
        "tool": ToolError("no stock", code="out_of_stock", retryable=True, outcome_unknown=True),
        "step": StepError("refused", "not today"),
        "timeout": TimeoutError("too slow"),
        "connection": ConnectionResetError("gone"),
        "other": RuntimeError("surprise"),
    }[how]


@tool(f"{PREFIX}.odd", effect="none")
def odd() -> float:
    """Give what is no JSON."""
    return float("nan")


def invoke(make_call, name, arguments, **options):
    return tool_invoke(make_call(**options), python_tool(f"{PREFIX}.{name}").spec, arguments)


def refusal(make_call, name, arguments, **options):
    with pytest.raises(StepError) as caught:
        invoke(make_call, name, arguments, **options)
    return caught.value


def test_the_schemas_come_from_the_signature():
    spec = python_tool(f"{PREFIX}.pack").spec

    assert spec.description == "Pack a parcel."
    assert spec.input == {
        "type": "object",
        "properties": {"id": {"type": "string"}, "weight": {"default": 1.5, "type": "number"}},
        "required": ["id"],
        "additionalProperties": False,
    }
    assert set(spec.output["properties"]) == {"id", "weight", "tags"}


def test_the_call_itself_is_no_argument():
    assert set(python_tool(f"{PREFIX}.send").spec.input["properties"]) == {"parcel"}


def test_a_result_is_plain_json(make_call):
    invoked = invoke(make_call, "pack", {"id": "P-1"})

    assert invoked.output == {"id": "P-1", "weight": 1.5, "tags": []}
    assert invoked.details["tool"] == f"{PREFIX}.pack"


def test_a_tool_gets_the_key_and_its_own_time_limit(make_call):
    invoked = invoke(
        make_call, "send", {"parcel": {"id": "P-1", "weight": 2}}, key="r/p/0", seconds=60
    )

    assert invoked.output == {"id": "P-1", "key": "r/p/0", "seconds": 3}


def test_a_name_alone_is_an_undo_by_id():
    assert python_tool(f"{PREFIX}.send").spec.undo == {
        "tool": f"{PREFIX}.recall",
        "arguments": {"id": "=output.id"},
    }


@pytest.mark.parametrize(
    "arguments", [{}, {"id": 4}, {"id": "P", "weight": "heavy"}, {"id": "P", "more": 1}, [], "P"]
)
def test_arguments_that_break_the_schema_never_reach_the_function(make_call, arguments):
    assert refusal(make_call, "pack", arguments).code == "input_invalid"


@pytest.mark.parametrize(
    ("how", "code", "retryable", "unknown"),
    [
        ("tool", "out_of_stock", True, True),
        ("step", "refused", False, False),
        ("timeout", "timeout", True, True),
        ("connection", "connection", True, True),
        ("other", "tool_failed", False, False),
    ],
)
def test_what_a_tool_raises_is_the_error_of_its_step(make_call, how, code, retryable, unknown):
    error = refusal(make_call, "fail", {"how": how})

    assert (error.code, error.retryable, error.outcome_unknown) == (code, retryable, unknown)


def test_a_result_that_is_no_json_fails(make_call):
    assert refusal(make_call, "odd", {}).code == "output_invalid"


def test_an_effect_is_simulated_in_a_rehearsal(make_call):
    arguments = {"parcel": {"id": "P-1", "weight": 2}}

    invoked = invoke(make_call, "send", arguments, mode="rehearsal")

    assert invoked.details["simulated"] is True
    assert "key" not in invoked.output


def test_without_an_effect_the_tool_runs_in_a_rehearsal_too(make_call):
    assert invoke(make_call, "pack", {"id": "P"}, mode="rehearsal").output["id"] == "P"


def test_none_declared_means_irreversible():
    spec = python_tool(f"{PREFIX}.fail").spec

    assert (spec.effect, spec.is_repeatable) == (Effect.IRREVERSIBLE, False)


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="already a tool"):
        tool(f"{PREFIX}.pack")(fail)
    with pytest.raises(ValueError, match="no name for a tool"):
        tool("with blanks")


def test_the_version_changes_with_the_code():
    versions = {python_tool(f"{PREFIX}.{name}").spec.version for name in ("pack", "send", "fail")}

    assert len(versions) == 3
