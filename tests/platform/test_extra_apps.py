"""A kind in one file, from an app that the product does not know, in real processes."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.platform.installation import ROOT, Installation
from workflows_app.core.definition.check import definition_check

pytestmark = pytest.mark.slow

DEFINITION = {
    "format": 1,
    "name": "Pay out",
    "input": {"type": "object", "properties": {"account": {"type": "string"}}},
    "output": {"number": "=steps.check.output.number", "paid": "=steps.pay.state == 'succeeded'"},
    "steps": [
        {"id": "check", "kind": "iban", "with": {"number": "=input.account"}},
        {"id": "pay", "kind": "transform", "with": {"value": "paid"}},
        {"id": "ask", "kind": "transform", "with": {"value": "asked for another account"}},
    ],
    "edges": [{"from": "check", "to": "pay"}, {"from": "check.invalid", "to": "ask"}],
}


class Product(Installation):
    """An installation with the app, and a token of its owner."""

    def begin(self) -> None:
        self.start(seconds=180)
        command = ["create_token", "--user", "owner", "--scope", "read,run,design"]
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        self.token = done.stdout.split()[-1]

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self.address}/api/v1/{path}",
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read())


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    made = Product(tmp_path_factory.mktemp("home"), EXTRA_APPS="tests.thirdparty_app")
    try:
        made.begin()
        body = {"name": "Pay out", "slug": "pay-out", "definition": DEFINITION}
        status, workflow = made.post("workflows", body)
        assert (status, workflow["draft"]["problems"]) == (201, [])
        publish = {"revision": workflow["draft"]["revision"], "note": "first"}
        assert made.post("workflows/pay-out/publish", publish)[0] == 201
        yield made
    finally:
        assert made.stop() == 0


@pytest.mark.parametrize(
    ("account", "paid"),
    [("DE89 3704 0044 0532 0130 00", True), ("DE88 3704 0044 0532 0130 00", False)],
)
def test_its_steps_run_and_take_its_ports(product, account, paid):
    status, run = product.post("workflows/pay-out/runs?wait=20", {"input": {"account": account}})

    assert (status, run["state"], run["error"]) == (201, "succeeded", None)
    assert run["output"] == {"number": account.replace(" ", ""), "paid": paid}


def test_its_settings_are_checked_like_any_other(product):
    broken = {**DEFINITION, "steps": [{"id": "check", "kind": "iban", "with": {"nmber": "x"}}]}

    _, answer = product.post(
        "definitions/validate", {"definition": {**broken, "output": {}, "edges": []}}
    )

    assert not answer["valid"]
    found = {(one["code"], one["pointer"]) for one in answer["problems"]}
    assert ("unknown_field", "/steps/0/with/nmber") in found


def test_without_the_app_the_definition_says_which_kind_is_missing():
    problems = definition_check(DEFINITION).problems

    assert ("unknown_kind", "check", "/steps/0/kind") in {
        (one.code, one.step, one.pointer) for one in problems
    }
