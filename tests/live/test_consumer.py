"""The socket: who may listen, what it says, and how often."""

import asyncio
import itertools
import json
from time import monotonic
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from tests.views import factories
from workflows_app.live.consumers import LiveConsumer, relay_of_process, wanted_of
from workflows_app.services.definitions import draft_save
from workflows_app.services.events import Incoming, event_receive

ORIGIN = [(b"host", b"testserver"), (b"origin", b"http://testserver")]
SOON = 5


class Socket(ApplicationCommunicator):
    """A browser's side of one socket."""

    async def receive_json_from(self, seconds):
        message = await self.receive_output(seconds)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def disconnect(self):
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(SOON)


async def connect(user, query, headers=ORIGIN):
    """Open a socket as `user`; in production the middleware reads the session."""
    scope = {
        "type": "websocket",
        "path": "/ws/live/",
        "query_string": query.encode(),
        "headers": headers,
        "user": user,
    }
    socket = Socket(LiveConsumer.as_asgi(), scope)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(SOON))["type"] == "websocket.accept"
    return socket


async def closed_with(user, query, headers=ORIGIN):
    socket = await connect(user, query, headers)
    message = await socket.receive_output(SOON)
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(SOON)
    return message.get("code")


@sync_to_async
def finish_step(run, path):
    factories.step_make(run, path, "succeeded", lasted=0.25)
    factories.event_make(run, "step.ended", path=path, generation=0, to_state="succeeded")


@sync_to_async
def event_store(workspace_id):
    event = Incoming(id="1", source="/s", type="order.paid")
    event_receive(workspace=workspace_id, event=event, actor="user:x", via="api")


@sync_to_async
def notify(payload):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('countersign', %s)", [payload])


async def test_first_frame_shows_where_everything_stands(scene):
    run = scene["run"]

    socket = await connect(scene["owner"], f"topics=run:{run.pk},runs,inbox")
    frames = [await socket.receive_json_from(SOON) for _ in range(3)]

    assert frames[0] == {
        "topic": f"run:{run.pk}",
        "sequence": 1,
        "steps": [["redact", "succeeded", 1500]],
    }
    assert [frame["topic"] for frame in frames[1:]] == ["inbox", "runs"]
    await socket.disconnect()


async def test_a_committed_change_is_told_at_once(scene):
    run = scene["run"]
    socket = await connect(scene["owner"], f"topics=run:{run.pk}")
    await socket.receive_json_from(SOON)
    await relay_of_process().listening()
    began = monotonic()

    await finish_step(run, "draft")
    await notify(json.dumps([str(run.pk)]))
    frame = await socket.receive_json_from(SOON)

    assert frame == {
        "topic": f"run:{run.pk}",
        "sequence": 2,
        "steps": [["draft", "succeeded", 250]],
    }
    assert monotonic() - began < 1
    await socket.disconnect()


async def test_a_lost_notification_costs_a_second_at_most(scene):
    run = scene["run"]
    socket = await connect(scene["owner"], f"topics=run:{run.pk}")
    await socket.receive_json_from(SOON)

    await finish_step(run, "draft")
    frame = await socket.receive_json_from(SOON)

    assert frame["sequence"] == 2
    await socket.disconnect()


async def test_after_gives_only_what_the_page_does_not_have(scene):
    run = scene["run"]
    await finish_step(run, "draft")

    socket = await connect(scene["owner"], f"topics=run:{run.pk}&after=1")
    frame = await socket.receive_json_from(SOON)

    assert frame["sequence"] == 2
    assert [step[0] for step in frame["steps"]] == ["draft"]
    await socket.disconnect()


async def test_lists_hear_of_runs(scene):
    run = scene["run"]
    socket = await connect(scene["owner"], "topics=runs,inbox")
    for _ in range(2):
        await socket.receive_json_from(SOON)
    await relay_of_process().listening()

    await finish_step(run, "draft")
    await notify(json.dumps([str(run.pk)]))
    frame = await socket.receive_json_from(SOON)

    assert frame["topic"] == "runs"
    assert [step[:2] for step in frame["steps"]] == [[str(run.pk), "running"]]
    assert await socket.receive_nothing(0.5)
    await socket.disconnect()


async def test_the_stream_of_events_hears_of_those_of_its_own_workspaces(scene):
    sockets = [await connect(scene[who], "topics=events") for who in ("owner", "stranger")]
    for socket in sockets:
        assert (await socket.receive_json_from(SOON))["topic"] == "events"
    await relay_of_process().listening()

    await event_store(scene["run"].workspace_id)
    frame = await sockets[0].receive_json_from(SOON)

    assert (frame["topic"], frame["steps"]) == ("events", [])
    assert await sockets[1].receive_nothing(1.5)
    for socket in sockets:
        await socket.disconnect()


async def test_other_workspaces_are_not_heard(scene):
    socket = await connect(scene["stranger"], "topics=runs")
    await socket.receive_json_from(SOON)
    await relay_of_process().listening()

    await finish_step(scene["run"], "draft")
    await notify(json.dumps([str(scene["run"].pk)]))

    assert await socket.receive_nothing(1.5)
    await socket.disconnect()


async def test_frames_of_one_topic_come_ten_a_second_at_most(scene):
    run = scene["run"]
    socket = await connect(scene["owner"], f"topics=run:{run.pk}")
    await socket.receive_json_from(SOON)
    await relay_of_process().listening()
    times, paths = [], set()

    async def write():
        for place in range(20):
            await finish_step(run, f"step{place}")
            await notify(json.dumps([str(run.pk)]))

    writer = asyncio.create_task(write())
    while len(paths) < 20:
        frame = await socket.receive_json_from(SOON)
        times.append(monotonic())
        paths |= {step[0] for step in frame["steps"]}
    await writer

    gaps = [second - first for first, second in itertools.pairwise(times)]
    assert all(gap > 0.08 for gap in gaps)
    await socket.disconnect()


@pytest.mark.parametrize(
    ("who", "query", "code"),
    [
        ("stranger", "topics=run:{run}", 4404),
        ("owner", "topics=run:{other}", 4404),
        ("owner", "topics=", 4404),
        ("owner", "topics=secrets", 4404),
        ("owner", "topics=run:nonsense", 4404),
        ("anonymous", "topics=runs", 4401),
    ],
)
async def test_who_may_not_listen_is_closed(scene, who, query, code):
    user = AnonymousUser() if who == "anonymous" else scene[who]
    text = query.format(run=scene["run"].pk, other=uuid4())

    assert await closed_with(user, text) == code


@pytest.mark.parametrize("origin", [b"http://evil.example", b"http://testserver:81", b"null", b""])
async def test_a_page_of_another_origin_is_closed(scene, origin):
    headers = [(b"host", b"testserver"), (b"origin", origin)]

    assert await closed_with(scene["owner"], "topics=runs", headers) == 4403


async def test_the_socket_takes_no_commands(scene):
    socket = await connect(scene["owner"], "topics=runs")
    await socket.receive_json_from(SOON)

    await socket.send_input({"type": "websocket.receive", "text": '{"approve": 1}'})

    assert await socket.receive_nothing(0.2)
    await socket.disconnect()


async def test_the_relay_stops_with_its_last_socket(scene):
    socket = await connect(scene["owner"], "topics=runs")
    relay = relay_of_process()
    await relay.listening()

    await socket.disconnect()

    assert relay._task is None


@pytest.mark.parametrize(
    "query", [b"", b"topics=", b"topics=run:", b"topics=%ff", b"topics=" + b"runs,x" * 30]
)
def test_a_query_that_makes_no_sense_is_nothing(query):
    assert wanted_of(query) is None


async def test_a_saved_draft_is_told_to_who_watches_it(scene):
    workflow, revision = await sync_to_async(_draft_of)(scene["run"])
    topic = f"draft:{workflow.pk}"
    socket = await connect(scene["owner"], f"topics={topic}")
    first = await socket.receive_json_from(SOON)
    await sync_to_async(_draft_save)(workflow, scene["owner"])
    second = await socket.receive_json_from(SOON)
    await socket.disconnect()

    assert first == {"topic": topic, "sequence": revision, "steps": []}
    assert second == {"topic": topic, "sequence": revision + 1, "steps": []}
    assert await closed_with(scene["stranger"], f"topics={topic}") == 4404


def _draft_of(run):
    return run.workflow, run.workflow.revision


def _draft_save(workflow, actor):
    draft = {**workflow.draft, "name": "Another name"}
    draft_save(workflow=workflow, definition=draft, revision=workflow.revision, actor=actor)
