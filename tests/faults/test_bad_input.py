"""Bad input of every sort: a clear refusal or a run with a named end, and nobody else is harmed."""

import json
from collections.abc import Iterator

import pytest

from tests.fake_anthropic.replies import Reply, error, text
from tests.faults.product import Product, chain_check
from tests.faults.sink import Sink

pytestmark = pytest.mark.slow
LONG = "x" * 1_000_001
SCHEMA = {
    "type": "object",
    "required": ["label"],
    "properties": {"label": {"type": "string", "enum": ["refund", "technical"]}},
    "additionalProperties": False,
}


def definition(*steps: dict, edges: list[dict] | None = None, **more: object) -> dict:
    return {
        "format": 1,
        "name": "Bad",
        "input": {"type": "object"},
        "steps": list(steps),
        "edges": edges or [],
        **more,
    }


def transform(step: str, value: object) -> dict:
    return {"id": step, "kind": "transform", "with": {"value": value}}


@pytest.fixture(autouse=True)
def bystander(product: Product, sink: Sink) -> Iterator[None]:
    """Another run goes on meanwhile, and comes to its end unharmed."""
    run = product.begin("chain", {"n": 1})
    yield
    chain_check(product, sink, run)


# --- definitions ---


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (definition(transform("a", "=steps.nobody.output")), "unknown_reference"),
        (definition({"id": "a", "kind": "magic", "with": {}}), "unknown_kind"),
        (definition(transform("a", 1), surprise=1), "unknown_field"),
        (definition(transform("a", "=input.(")), "expression_syntax"),
        (
            definition(
                transform("a", 1),
                transform("b", 1),
                edges=[{"from": "a", "to": "b"}, {"from": "b", "to": "a"}],
            ),
            "cycle",
        ),
    ],
    ids=["unknown-step", "unknown-kind", "unknown-field", "no-cel", "circle"],
)
def test_an_invalid_definition_is_never_published(product, document, code):
    _, checked = product.send("POST", "definitions/validate", {"definition": document})
    status, made = product.send("POST", "workflows", {"name": code, "definition": document})
    revision = {"revision": made["draft"]["revision"], "note": ""}
    published, problem = product.send("POST", f"workflows/{made['slug']}/publish", revision)

    errors = [one["code"] for one in checked["problems"] if one["severity"] == "error"]
    assert (checked["valid"], errors) == (False, [code])
    assert (status, published) == (201, 422)
    assert code in [one["code"] for one in problem["problems"]]


# --- what a run is started with ---


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"input": {"n": "three"}}', 422, "invalid_input"),
        (b'{"input": {"n": 1}, "speed": 9}', 422, "invalid"),
        (b'{"input": {"n": NaN}}', 400, "json_number"),
        (b'{"input": {"n": 1e999}}', 400, "json_number"),
        (b'{"input": {"n": 1, "text": "\\ud800"}}', 400, "json_text"),
        (b'{"input": {"n": 1, "n": 2}}', 400, "json_duplicate_key"),
        (b'{"input": {"n": 1}', 400, "json_syntax"),
        (b'\xff\xfe{"input": {}}', 400, "json_text"),
        (b'{"input": {"n": 1, "deep": ' + b"[" * 64 + b"]" * 64 + b"}}", 400, "json_too_deep"),
        (b'{"input": {"n": 1, "text": "' + LONG.encode() + b'"}}', 413, "json_too_large"),
    ],
    ids=[
        "wrong-type", "unknown-field", "nan", "infinite", "surrogate", "duplicate-key",
        "cut-off", "no-utf-8", "deep", "long",
    ],
)  # fmt: skip
def test_input_that_is_refused_says_why(product, body, status, code):
    before = product.get("runs?workflow=chain&limit=1")["items"][0]["number"]

    got, problem = product.send("POST", "workflows/chain/runs", body)

    assert (got, problem["code"]) == (status, code), problem
    assert problem["detail"]
    assert product.get("runs?workflow=chain&limit=1")["items"][0]["number"] == before


def test_the_longest_and_deepest_input_that_is_allowed_comes_through(product):
    deep: object = "bottom"
    for _ in range(60):
        deep = [deep]
    given = {"text": LONG[:1_000_000], "deep": deep}
    output = {"n": "=steps.a.output", "deep": "=input.deep"}
    product.publish("pass", definition(transform("a", "=size(input.text)"), output=output))

    run = product.run_until(product.begin("pass", given))

    assert run["state"] == "succeeded", run["error"]
    assert run["output"] == {"n": 1_000_000, "deep": deep}


# --- expressions ---


def test_an_expression_that_would_go_on_for_ever_fails_its_step_alone(product):
    numbers = list(range(2_000))
    loop = "=input.n.map(a, input.n.map(b, input.n.map(c, a + b + c)))"
    product.publish("loop", definition(transform("a", loop)))

    run = product.run_until(product.begin("loop", {"n": numbers}), seconds=30)

    assert (run["state"], run["error"]["path"]) == ("failed", "a")
    assert run["error"]["code"] == "expression_too_large"


# --- models and tools ---


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (text("I would rather talk about the weather."), "output_invalid"),
        (text(json.dumps({"label": "banana", "extra": [1]})), "output_invalid"),
        (Reply(content=()), "output_invalid"),
        (text("cut", cut_after=2), "connection"),
        (error(500, "out of order"), "http_500"),
    ],
    ids=["prose", "wrong-json", "empty", "cut-off", "error"],
)
def test_a_model_that_answers_nonsense_fails_its_step(product, model, reply, code):
    slug = f"model-{code.replace('_', '-')}-{id(reply)}"
    ask = {"model": "small", "prompt": "Label this", "output": SCHEMA}
    retry = {"attempts": 2, "initial": "100ms", "maximum": "100ms"}
    product.publish(slug, definition({"id": "ask", "kind": "model", "with": ask, "retry": retry}))
    model.answer = lambda request: reply

    run = product.run_until(product.begin(slug, {}))

    assert (run["state"], run["error"]["code"], run["error"]["path"]) == ("failed", code, "ask")
    assert run["error"]["message"]


def test_a_tool_that_hangs_is_timed_out(product, sink):
    product.tool("hang.look", f"http://{sink.address}/hang", effect="none")
    once = {"timeout": "1s", "retry": {"attempts": 1}}
    product.publish(
        "hang", definition({"id": "call", "kind": "tool", "with": {"tool": "hang.look"}, **once})
    )

    run = product.run_until(product.begin("hang", {}), seconds=20)

    assert (run["state"], run["error"]["code"], run["error"]["path"]) == (
        "failed",
        "timeout",
        "call",
    )


def test_a_tool_that_hangs_over_an_effect_waits_for_a_person(product, sink):
    product.tool("hang.pay", f"http://{sink.address}/hang", effect="irreversible")
    step = {"id": "call", "kind": "tool", "with": {"tool": "hang.pay"}, "timeout": "1s"}
    product.publish("hang-pay", definition(step))

    begun = product.begin("hang-pay", {})
    run = product.run_until(begun, {"waiting"}, seconds=20)
    [waiting] = product.steps(begun)
    _, failed = product.send("POST", f"runs/{begun}/fail", {"path": "call", "reason": "not paid"})

    assert waiting["waiting_for"]["reason"] == "incident"
    assert set(run["actions"]) >= {"retry", "skip", "fail"}
    assert product.run_until(begun)["state"] == "failed", failed
    assert [len(came) for came in sink.arrivals(begun).values()] == [1]
