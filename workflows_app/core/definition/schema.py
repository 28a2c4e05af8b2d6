"""The JSON Schema of a definition, with the settings of every kind that is registered."""

from typing import Any

from workflows_app.core.definition.models import Definition
from workflows_app.core.kinds import kinds

JSON = Any
SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, JSON]:
    """Give the JSON Schema (2020-12) of the whole document; `with` depends on `kind`."""
    schema = Definition.model_json_schema(by_alias=True)
    definitions = schema.setdefault("$defs", {})
    choices = []
    for name, kind in kinds().items():
        if kind.is_hidden:
            continue
        definitions[f"with_{name}"] = _inlined(kind_schema(name), definitions, name)
        choices.append(
            {
                "if": {"properties": {"kind": {"const": name}}},
                "then": {"properties": {"with": {"$ref": f"#/$defs/with_{name}"}}},
            }
        )
    definitions["Step"]["allOf"] = choices
    return {"$schema": SCHEMA_ID, **schema}


def kind_schema(name: str) -> dict[str, JSON]:
    """Give the JSON Schema of one kind's `with`.

    Raises:
        KeyError: there is no such kind.
    """
    return kinds()[name].settings.model_json_schema(by_alias=True)


def _inlined(schema: dict[str, JSON], definitions: dict[str, JSON], name: str) -> dict[str, JSON]:
    """Move a kind's own definitions beside the others, under names of their own."""
    own = schema.pop("$defs", {})
    moved = {f"#/$defs/{key}": f"#/$defs/{name}_{key}" for key in own}
    for key, value in own.items():
        definitions[f"{name}_{key}"] = _repointed(value, moved)
    return _repointed(schema, moved)


def _repointed(value: JSON, moved: dict[str, str]) -> JSON:
    if isinstance(value, dict):
        return {
            key: moved.get(item, item)
            if key == "$ref" and isinstance(item, str)
            else _repointed(item, moved)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_repointed(item, moved) for item in value]
    return value
