"""What holds for every call: who may, how JSON is read, how errors look."""

import gzip
import json

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.callers import Caller, assert_problem, caller_of
from workflows_app.services.people import token_create

VALIDATE = "definitions/validate"


def test_nobody_known_is_401_with_a_challenge(anonymous: Caller):
    answer = anonymous.get("runs")

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic YTpi", "cs_x", "Bearer cs_wrong"])
def test_a_header_that_names_nobody_is_401_even_with_a_session(owner, header):
    client = Client()
    client.force_login(owner)

    answer = client.get("/api/v1/runs", headers={"Authorization": header})

    assert_problem(answer, 401)


def test_authentication_comes_before_the_body_is_read(anonymous: Caller):
    assert_problem(anonymous.post(VALIDATE, b"{not json"), 401)
    assert_problem(anonymous.get("runs?nonsense=1"), 401)


def test_the_scope_is_checked_before_the_body_is_read(viewer: Caller):
    assert_problem(viewer.put("members/ada", b"{not json"), 403, "scope_missing")


def test_a_session_reads_but_writes_only_with_its_csrf_token(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    body = json.dumps({"definition": {}})

    read = client.get("/api/v1/me")
    bare = client.post(f"/api/v1/{VALIDATE}", body, content_type="application/json")
    client.cookies["csrftoken"] = "a" * 32
    sent = client.post(
        f"/api/v1/{VALIDATE}",
        body,
        content_type="application/json",
        headers={"X-CSRFToken": "a" * 32},
    )

    assert read.status_code == 200
    assert_problem(bare, 403, "csrf_failed")
    assert sent.status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        b'{"definition": NaN}',
        b'{"definition": Infinity}',
        b'{"definition": -Infinity}',
        b'{"definition": 1e400}',
        b'{"definition": 123456789012345678901234567890}',
        b'{"definition": "\\ud800"}',
        b'{"definition": "\\u0000"}',
        b'{"definition": {}, "definition": {}}',
        b'{"definition": {"a": 1, "a": 2}}',
        b"{\"definition\": '1'}",
        b'{"definition": {}',
        b'{"definition": {}} trailing',
        b"\xff\xfe",
        b'{"definition": "\xff"}',
        b'{"definition": ' + b"[" * 100 + b"]" * 100 + b"}",
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda text: repr(text[:40]),
)
def test_what_is_no_strict_json_is_400(api: Caller, text):
    assert_problem(api.post(VALIDATE, text), 400)


def test_deep_but_allowed_json_is_read(api: Caller):
    nested: object = 1
    for _ in range(40):
        nested = [nested]

    assert api.post(VALIDATE, {"definition": {"x": nested}}).status_code == 200


def test_a_body_beyond_its_limit_is_413(api: Caller):
    body = {"definition": {"x": "a" * 1_000_001}}

    assert_problem(api.post(VALIDATE, body), 413)


def test_a_body_that_is_packed_or_no_json_is_415(api: Caller):
    packed = api.post(VALIDATE, gzip.compress(b"{}"), Content_Encoding="gzip")
    form = api.client.post(
        f"/api/v1/{VALIDATE}",
        {"definition": "{}"},
        headers={"Authorization": f"Bearer {api.token}"},
    )

    assert_problem(packed, 415)
    assert_problem(form, 415)


def test_an_unknown_field_is_422_with_its_pointer(api: Caller):
    body = assert_problem(api.post(VALIDATE, {"definition": {}, "evil": 1}), 422, "invalid")

    assert body["problems"] == [
        {
            "in": "body",
            "pointer": "/evil",
            "code": "unknown_field",
            "message": "Extra inputs are not permitted",
        }
    ]


@pytest.mark.parametrize("path", ["runs?nonsense=1", "me?x=1", "runs?limit=0", "runs?limit=201"])
def test_unknown_or_impossible_query_parameters_are_422(api: Caller, path):
    assert_problem(api.get(path), 422, "invalid")


@pytest.mark.parametrize("cursor", ["x", "%00", "IiI", "Ilx1MDAwMCI", "e30", "IjFlNDAwIg", "é"])
def test_a_cursor_of_nobody_is_422(api: Caller, cursor):
    assert_problem(api.get(f"runs?cursor={cursor}"), 422)


@pytest.mark.parametrize("path", ["", "nowhere", "runs/not-a-uuid", "workflows/x/versions/1.5"])
def test_an_unknown_address_is_a_404_problem(api: Caller, path):
    assert_problem(api.get(path), 404)


def test_a_method_that_is_not_taken_is_405_with_what_is(api: Caller):
    answer = api.call("delete", "me")

    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET"


def test_an_error_of_ours_is_500_and_tells_nothing(api: Caller, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("workflows_app.api.runs.run_list", broken)

    answer = api.get("runs", X_Request_Id="abcdef-123456")

    body = assert_problem(answer, 500, "internal_error")
    assert "42" not in answer.text
    assert body["request_id"] == "abcdef-123456"
    assert "abcdef-123456" in caplog.text


def test_every_answer_names_its_request(api: Caller):
    first, second = api.get("me"), api.get("me")

    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_me_says_what_a_token_may_do_where(api: Caller, service: Caller):
    assert api.get("me").json() == {
        "actor": "user:owner",
        "grants": [
            {
                "workspace": "default",
                "roles": ["admin"],
                "scopes": ["admin", "decide", "design", "read", "run"],
            }
        ],
    }
    assert service.get("me").json()["actor"] == "service:nightly"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", {"read"}),
        ("operator", {"read", "run"}),
        ("designer", {"read", "design"}),
        ("reviewer", {"read"}),
    ],
)
def test_a_session_has_the_scopes_of_its_roles(workspace, role, allowed):
    caller = caller_of(workspace, role, roles=(role,))
    caller.token, token = None, caller.token
    assert token is not None
    from workflows_app.models import User

    caller.client.force_login(User.objects.get(username=role))

    scopes = set(caller.get("me").json()["grants"][0]["scopes"])

    assert scopes == allowed | {"decide"}


def test_a_stranger_of_all_workspaces_learns_nothing(owner, workspace):
    from workflows_app.models import User

    nobody = Caller()
    nobody.client.force_login(User.objects.create_user("nobody"))

    assert_problem(nobody.get("runs"), 403, "scope_missing")


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(body=st.binary(max_size=200))
def test_no_bytes_make_it_fail(api: Caller, body):
    answer = api.post(VALIDATE, body)

    assert answer.status_code in {400, 413, 422}


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(definition=JSON_VALUES)
def test_no_definition_makes_it_fail(api: Caller, definition):
    answer = api.post(VALIDATE, {"definition": definition})

    assert answer.status_code in {200, 400, 422}
    if answer.status_code == 200:
        assert set(answer.json()) == {"valid", "digest", "problems"}


def test_two_tokens_of_one_person_are_told_apart(workspace, owner):
    reading = token_create(workspace=workspace, scopes=["read"], actor="operator", user=owner)

    assert Caller(reading).get("runs").status_code == 200
    assert_problem(Caller(reading).post(VALIDATE, {"definition": 1, "x": 1}), 422)
    assert_problem(Caller(reading).put("members/ada", {}), 403, "scope_missing")
