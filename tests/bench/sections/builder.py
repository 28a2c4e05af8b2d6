"""Editing drafts of 30 and of 200 steps: a change until it is acknowledged, the fields of a step.

A change comes from the canvas or from a field of the form; both are timed, as a browser asks for
them on a connection that stays open.
"""

import itertools
import json
import os
import re
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from django.test import Client
from django.utils.crypto import get_random_string

from tests.bench.canvas import graph
from tests.bench.figures import Figure
from tests.bench.subject import milliseconds
from workflows_app.models import User
from workflows_app.services.definitions import workflow_create
from workflows_app.services.people import workspace_default

WARM, TIMES, SIZES = 3, 20, (30, 200)
WAS = re.compile(r'name="was" value="([^"]*)"')


def measure(rounds: int) -> list[Figure]:
    """Time each as a browser asks for it."""
    figures = []
    for size in SIZES:
        person = Designer(size)
        for name, act in (
            (f"a change of {size} steps, saved", person.save),
            (f"a field of one of {size} steps, saved", person.field),
            (f"fields of one of {size} steps", person.fields),
        ):
            values = [milliseconds(act) for _ in range(WARM + TIMES)][WARM:]
            figures.append(
                Figure(section="builder", name=name, unit="ms", target=150, values=values)
            )
    return figures


class Designer:
    """Somebody signed in, who edits one draft on a connection that stays open."""

    def __init__(self, size: int) -> None:
        owner = User.objects.get(username="owner")
        workflow = workflow_create(
            name="Bench", definition=graph(size), actor=owner, workspace=workspace_default()
        )
        client, token = Client(), get_random_string(32)
        client.force_login(owner)
        address = urlsplit(os.environ["BENCH_ADDRESS"])
        self.connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
        session = f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"
        self.headers = {
            "Cookie": f"{session}; {settings.CSRF_COOKIE_NAME}={token}",
            "X-CSRFToken": token,
            "HX-Request": "true",
        }
        self.path = f"/workflows/{workflow.slug}/edit/"
        self.revision, self.texts, self.was = workflow.revision, ["x"], ""
        self.steps = itertools.cycle(range(size))

    def save(self) -> None:
        """Write another prompt, as the canvas sends it."""
        was, value = self.texts[-1], self._text()
        change = {"path": ["steps", "s5", "with", "prompt"], "was": was, "value": value}
        body = {"revision": self.revision, "changes": [change], "label": "Edit prompt"}
        told = self._ask("POST", "changes/", json.dumps(body), "application/json")
        self.revision = json.loads(told)["revision"]
        self.texts.append(value)

    def field(self) -> None:
        """Write another prompt into its field of the form."""
        if not self.was:
            page = self._ask("GET", "step/?path=s6").decode()
            self.was = WAS.findall(page.partition('data-field="/with/prompt"')[2])[0]
        body = urlencode({"field": "/with/prompt", "was": self.was, "v": self._text()})
        told = self._ask("POST", "step/?path=s6", body, "application/x-www-form-urlencoded")
        self.was = WAS.findall(told.decode())[0]
        self.texts.append(self._text())

    def fields(self) -> None:
        """Open another step."""
        path = f"s{next(self.steps)}"
        assert f'data-path="{path}"' in self._ask("GET", f"step/?path={quote(path)}").decode()

    def _text(self) -> str:
        return f"Answer {{{{ input.text }}}} {len(self.texts)}"

    def _ask(self, method: str, path: str, body: str | None = None, kind: str = "") -> Any:
        headers = {**self.headers, **({"Content-Type": kind} if kind else {})}
        self.connection.request(method, self.path + path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (answer.status, text[:500])
        return text
