"""CloudEvents 1.0 over HTTP: binary, structured, and several in one batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent

from workflows_app.core.strict_json import strict_loads
from workflows_app.errors import DomainError, Invalid
from workflows_app.services.incoming import Incoming

JSON = Any
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
BATCH_LIMIT = 1_000  # events
_OWN = frozenset({"id", "source", "type", "subject", "time", "specversion", "datacontenttype"})
_LONGEST = {"id": 500, "source": 2_000, "type": 200, "subject": 1_000}


class UnsupportedEvent(DomainError):
    """The event comes in a form that is not taken."""

    status = 415
    code = "unsupported_media_type"


def content_kind(headers: Mapping[str, str]) -> str:
    """Give what the body is, without parameters; headers are named in lower case."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def event_read(headers: Mapping[str, str], body: bytes) -> Incoming:
    """Read the one CloudEvent of a request.

    Args:
        headers: named in lower case.

    Raises:
        UnsupportedEvent: data that is neither JSON nor text.
        JsonRefused: bad JSON.
        Invalid: an attribute is missing or wrong; `problems` names each.
    """
    kind = content_kind(headers) or "application/json"
    _packed_check(headers)
    if kind == STRUCTURED:
        return event_of(strict_loads(body))
    if kind.startswith("application/cloudevents"):
        raise UnsupportedEvent(f"Send events as {STRUCTURED} or {BATCHED}, or in binary mode.")
    attributes = {
        name.removeprefix("ce-"): unquote(value)
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    if not attributes and kind == "application/json":
        return event_of(strict_loads(body))  # a structured event under the plain name of JSON
    return _incoming(attributes, _data(kind, body))


@dataclass(frozen=True, slots=True)
class Refused:
    """What stands in a batch and is no event, by its id where it has one."""

    id: str | None
    error: DomainError


def batch_read(headers: Mapping[str, str], body: bytes) -> list[Incoming | Refused]:
    """Read the events of a batch; in the place of one that is none stands what is wrong with it.

    Raises:
        JsonRefused: bad JSON.
        Invalid: it is no array, is empty, or has more events than one batch may.
    """
    _packed_check(headers)
    documents = strict_loads(body)
    if not isinstance(documents, list):
        raise _invalid([("", "not_an_array", "a batch is an array of events")])
    if not documents or len(documents) > BATCH_LIMIT:
        message = f"a batch has 1 to {BATCH_LIMIT:,} events, this one has {len(documents):,}"
        raise _invalid([("", "invalid_value", message)])
    found: list[Incoming | Refused] = []
    for document in documents:
        try:
            found.append(event_of(document))
        except DomainError as error:
            name = document.get("id") if isinstance(document, dict) else None
            found.append(Refused(name if isinstance(name, str) else None, error))
    return found


def _packed_check(headers: Mapping[str, str]) -> None:
    if headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedEvent("Packed bodies are not taken.")


def _data(kind: str, body: bytes) -> JSON:
    if not body:
        return None
    if kind == "application/json" or kind.endswith("+json"):
        return strict_loads(body)
    if kind.startswith("text/"):
        try:
            return body.decode()
        except UnicodeDecodeError:
            raise UnsupportedEvent("The text is not UTF-8.") from None
    raise UnsupportedEvent(f"The data of an event is JSON or text, not {kind}.")


def event_of(document: JSON) -> Incoming:
    """Read an event in its JSON format."""
    if not isinstance(document, dict):
        raise _invalid([("", "not_an_object", "an event is a JSON object")])
    if "data_base64" in document:
        raise UnsupportedEvent("The data of an event is JSON or text, not bytes.")
    attributes = {name: value for name, value in document.items() if name != "data"}
    return _incoming(attributes, document.get("data"))


def _incoming(attributes: dict[str, JSON], data: JSON) -> Incoming:
    missing = [name for name in ("id", "source", "type", "specversion") if not attributes.get(name)]
    if missing:
        raise _invalid([(f"/{name}", "required", f"{name} is missing") for name in missing])
    given = {name: value for name, value in attributes.items() if value is not None}
    given["time"] = _time(given.get("time"))
    checked = {name: value for name, value in given.items() if value is not None}
    try:
        CloudEvent(dict(checked))
    except CloudEventValidationError as error:
        found = [
            (f"/{name}", "invalid_value", str(one))
            for name, problems in error.errors.items()
            for one in problems
            if name in checked
        ]
        if found:
            raise _invalid(found) from None
    long = [name for name, limit in _LONGEST.items() if len(checked.get(name) or "") > limit]
    if long or "*" in checked["type"]:
        names = long or ["type"]
        raise _invalid([(f"/{name}", "invalid_value", f"{name} is not taken") for name in names])
    return Incoming(
        id=checked["id"],
        source=checked["source"],
        type=checked["type"],
        subject=checked.get("subject"),
        time=checked.get("time"),
        data=data,
        extensions={name: value for name, value in checked.items() if name not in _OWN},
    )


def _time(value: JSON) -> datetime | None:
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _invalid([("/time", "invalid_value", "time is not RFC 3339")]) from None
    if time.tzinfo is None:
        raise _invalid([("/time", "invalid_value", "time has no zone")])
    return time


def _invalid(found: list[tuple[str, str, str]]) -> Invalid:
    problems = [
        {"pointer": pointer, "code": code, "message": message} for pointer, code, message in found
    ]
    return Invalid(f"This is no CloudEvent 1.0: {found[0][2]}.", problems=problems)
