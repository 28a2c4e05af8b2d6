"""Editing a draft of 200 steps: a change until it is acknowledged, and the fields of a step."""

import itertools
import json
import os
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

from django.test import Client
from django.utils.crypto import get_random_string

from tests.bench.canvas import graph
from tests.bench.figures import Figure
from tests.bench.subject import milliseconds
from workflows_app.models import User
from workflows_app.services.definitions import workflow_create
from workflows_app.services.people import workspace_default

WARM, TIMES, STEPS = 3, 20, 200


def measure(rounds: int) -> list[Figure]:
    """Time both as a browser asks for them."""
    person = Designer()
    saves = [milliseconds(person.save) for _ in range(WARM + TIMES)][WARM:]
    forms = [milliseconds(person.fields) for _ in range(WARM + TIMES)][WARM:]
    about = {"section": "builder", "unit": "ms", "target": 150}
    return [
        Figure(name=f"a change of {STEPS} steps, saved", values=saves, **about),
        Figure(name=f"fields of one of {STEPS} steps", values=forms, **about),
    ]


class Designer:
    """Somebody signed in, who edits one draft on a connection that stays open."""

    def __init__(self) -> None:
        owner = User.objects.get(username="owner")
        workflow = workflow_create(
            name="Bench", definition=graph(STEPS), actor=owner, workspace=workspace_default()
        )
        client, token = Client(), get_random_string(32)
        client.force_login(owner)
        address = urlsplit(os.environ["BENCH_ADDRESS"])
        self.connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
        session = client.cookies["sessionid"].value
        self.headers = {
            "Cookie": f"sessionid={session}; csrftoken={token}",
            "X-CSRFToken": token,
            "HX-Request": "true",
            "Content-Type": "application/json",
        }
        self.path = f"/workflows/{workflow.slug}/edit/"
        self.revision, self.texts = workflow.revision, ["x"]
        self.steps = itertools.cycle(range(STEPS))

    def save(self) -> None:
        """Write another prompt."""
        was, value = self.texts[-1], f"Answer {{{{ input.text }}}} {len(self.texts)}"
        change = {"path": ["steps", "s5", "with", "prompt"], "was": was, "value": value}
        body = {"revision": self.revision, "changes": [change], "label": "Edit prompt"}
        self.revision = json.loads(self._ask("POST", "changes/", json.dumps(body)))["revision"]
        self.texts.append(value)

    def fields(self) -> None:
        """Open another step."""
        path = f"s{next(self.steps)}"
        assert f'data-path="{path}"' in self._ask("GET", f"step/?path={quote(path)}").decode()

    def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        self.connection.request(method, self.path + path, body, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (answer.status, text[:500])
        return text
