"""A definition as YAML, for people who keep it in files. The API speaks JSON only."""

import re
from typing import Any

import yaml
from yaml.nodes import MappingNode

from workflows_app.core.strict_json import JsonRefused, strict_check

JSON = Any
SIZE_LIMIT = 1_000_000


class _Loader(yaml.SafeLoader):
    """YAML without aliases, tags, duplicate keys or dates: what JSON can say, no more."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.events.AliasEvent) or getattr(event, "anchor", None):
            raise JsonRefused(
                "yaml_alias",
                f"anchors and aliases are refused: write the value at each place{_at(event)}",
            )
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            raise JsonRefused("yaml_tag", f"tags are refused: write plain values{_at(event)}")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep=True)
        if len(mapping) != len(node.value):
            raise JsonRefused("json_duplicate_key", f"a key appears twice{_at(node)}")
        return mapping


def _at(thing: Any) -> str:
    mark = getattr(thing, "start_mark", None)
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""


# `yes`, `on`, dates and `0o17` are texts, and numbers are those of JSON.
_PLAIN = (
    ("tag:yaml.org,2002:bool", re.compile(r"true|false"), "tf"),
    ("tag:yaml.org,2002:null", re.compile(r"null|~|"), ["n", "~", ""]),
    ("tag:yaml.org,2002:int", re.compile(r"-?(0|[1-9]\d*)"), "-0123456789"),
    (
        "tag:yaml.org,2002:float",
        re.compile(r"-?(0|[1-9]\d*)(\.\d+([eE][-+]?\d+)?|[eE][-+]?\d+)"),
        "-0123456789",
    ),
)


def _resolvers_add(target: type[yaml.SafeLoader] | type[yaml.SafeDumper]) -> None:
    for tag, pattern, first in _PLAIN:
        target.add_implicit_resolver(tag, re.compile(f"^(?:{pattern.pattern})$"), list(first))


_Loader.yaml_implicit_resolvers = {}
_resolvers_add(_Loader)


def definition_from_yaml(text: str) -> dict[str, JSON]:
    """Give the document that a YAML text holds.

    Raises:
        JsonRefused: it is not YAML, or says what JSON cannot.
    """
    if len(text.encode("utf-8", "surrogatepass")) > SIZE_LIMIT:
        raise JsonRefused("json_too_large", f"more than {SIZE_LIMIT} bytes of YAML")
    try:
        value = _load(text)
    except yaml.YAMLError as error:
        raise JsonRefused("yaml_syntax", f"not YAML: {_said(error)}") from error
    except RecursionError as error:
        raise JsonRefused("json_too_deep", "nested too deeply") from error
    except (ValueError, TypeError) as error:
        if isinstance(error, JsonRefused):
            raise
        raise JsonRefused("yaml_syntax", f"not YAML: {str(error)[:500]}") from error
    strict_check(value)
    if not isinstance(value, dict):
        raise JsonRefused("not_an_object", "a definition is an object with format, name and steps")
    return value


def _said(error: yaml.YAMLError) -> str:
    """Say in one line what is wrong, and where."""
    problem = getattr(error, "problem", None) or str(error)[:500]
    mark = getattr(error, "problem_mark", None)
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else problem


def _load(text: str) -> JSON:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def definition_to_yaml(document: JSON) -> str:
    """Give a document as YAML that `definition_from_yaml` reads back as the same."""
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )


class _Dumper(yaml.SafeDumper):
    """Writes no aliases, and long texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> Any:
    lines = text.split("\n")
    if not all(line.isprintable() for line in lines):
        style: str | None = '"'  # the only one with escapes
    else:
        style = "|" if len(lines) > 1 and not text.startswith((" ", "\n")) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_resolvers_add(_Dumper)  # so that a text that looks like a number is quoted
