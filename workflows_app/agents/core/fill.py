"""Filling a JSON Schema from what a prompt holds: the stand-in model's way to answer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows_app.agents.core.evidence import Evidence, name_key
from workflows_app.agents.core.labels import label_choose, stems
from workflows_app.agents.core.schemas import schema_problem

JSON = Any
MAX_DEPTH = 12
MAX_STRING = 400
_SHARES = frozenset({"confidence", "score", "probability", "certainty", "likelihood"})
_EXAMPLES = {
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "duration": "PT1H",
}


@dataclass
class Filler:
    """Fills schemas from one conversation and counts how much of it was found there."""

    evidence: Evidence
    root: Mapping[str, JSON]
    asked: int = 0
    found: int = 0
    _seen: set[str] = field(default_factory=set)

    def fill(self, schema: JSON, name: str = "", depth: int = 0) -> JSON:
        """Give a value for `schema`; `name` is the property it is for."""
        schema = self._resolved(schema)
        if depth > MAX_DEPTH:
            return None
        for fixed in ("const", "default"):
            if fixed in schema:
                return schema[fixed]
        if (known := self._known(schema, name)) is not _NOTHING:
            self.asked, self.found = self.asked + 1, self.found + 1
            return known
        if "enum" in schema:
            return self._choice(schema["enum"])
        return self._by_type(schema, name, depth)

    def _resolved(self, schema: JSON) -> Mapping[str, JSON]:
        for _ in range(MAX_DEPTH):
            if not isinstance(schema, dict):
                return {}
            if isinstance(reference := schema.get("$ref"), str):
                schema = self._target(reference)
                continue
            for variants in ("anyOf", "oneOf"):
                if options := schema.get(variants):
                    rest = {key: value for key, value in schema.items() if key != variants}
                    real = [option for option in options if option != {"type": "null"}]
                    schema = {**rest, **self._resolved((real or options)[0])}
            for part in schema.get("allOf") or ():
                schema = _merged({k: v for k, v in schema.items() if k != "allOf"}, part)
            return schema
        return {}

    def _target(self, reference: str) -> JSON:
        target: JSON = self.root
        for part in reference.lstrip("#").strip("/").split("/"):
            target = target.get(part.replace("~1", "/").replace("~0", "~"), {}) if part else target
        return target

    def _known(self, schema: Mapping[str, JSON], name: str) -> JSON:
        """Give a value that the prompt holds under this very name, if one fits."""
        for value in self.evidence.named.get(name_key(name), ()) if name else ():
            for candidate in _readings(value):
                if schema_problem(candidate, {**schema, **_definitions(self.root)}) is None:
                    return candidate
        return _NOTHING

    def _choice(self, options: list[JSON]) -> JSON:
        self.asked += 1
        texts = [option for option in options if isinstance(option, str)]
        chosen, _ = label_choose(texts, self.evidence.whole)
        if chosen is None:
            return options[0]
        self.found += 1
        return chosen

    def _by_type(self, schema: Mapping[str, JSON], name: str, depth: int) -> JSON:
        match _type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "number" | "integer" as kind:
                return self._number(schema, name, whole=kind == "integer")
            case "boolean":
                return self._truth(name)
            case "null":
                return None
        return self._text(schema, name)

    def _object(self, schema: Mapping[str, JSON], depth: int) -> JSON:
        parts = schema.get("properties") or {}
        later = [part for part in parts if name_key(part) in _SHARES]
        filled = {
            part: self.fill(parts[part], part, depth + 1) for part in parts if part not in later
        }
        # Confidence comes last: it is the share of the rest that the prompt gave.
        filled |= {part: self.fill(parts[part], part, depth + 1) for part in later}
        for part in schema.get("required") or ():
            filled.setdefault(part, self._text({}, part))
        return {part: filled[part] for part in (*parts, *(set(filled) - set(parts)))}

    def _array(self, schema: Mapping[str, JSON], name: str, depth: int) -> JSON:
        count = max(int(schema.get("minItems", 1)), 0)
        count = min(count, int(schema.get("maxItems", count)))
        items = schema.get("items") or {"type": "string"}
        return [self.fill(items, name, depth + 1) for _ in range(count)]

    def _number(self, schema: Mapping[str, JSON], name: str, *, whole: bool) -> JSON:
        if name_key(name) in _SHARES or (schema.get("minimum") == 0 and schema.get("maximum") == 1):
            return _bounded(self._share(), schema, whole=whole)
        self.asked += 1
        value = self.evidence.near(name)
        if value is None and self.evidence.numbers:
            value = self.evidence.numbers[0]
        if value is None:
            return _bounded(0.0, schema, whole=whole)
        self.found += 1
        return _bounded(value, schema, whole=whole)

    def _share(self) -> float:
        share = self.found / self.asked if self.asked else 0.5
        return round(0.55 + 0.4 * share, 2)

    def _truth(self, name: str) -> bool:
        words = set(stems(name))
        return bool(words) and words <= self.evidence.words

    def _text(self, schema: Mapping[str, JSON], name: str) -> str:
        self.asked += 1
        for candidate in self._texts(schema, name):
            value = _trimmed(candidate, schema)
            if schema_problem(value, {**schema, **_definitions(self.root)}) is None:
                self.found += 1
                return value
        return _trimmed(f"stand-in {name or 'text'}", schema)

    def _texts(self, schema: Mapping[str, JSON], name: str) -> list[str]:
        kind = schema.get("format")
        if kind is None and name_key(name) in ("email", "date", "uuid"):
            kind = name_key(name)
        if kind:
            return [*self.evidence.formatted(kind), *filter(None, [_EXAMPLES.get(kind)])]
        if name_key(name).split("_")[-1] in ("id", "number", "reference", "code", "key"):
            return [*self.evidence.identifiers, *self.evidence.sentences]
        return [" ".join(self.evidence.sentences)[:MAX_STRING], f"stand-in {name}", "stand-in"]


_NOTHING = object()


def _definitions(root: Mapping[str, JSON]) -> dict[str, JSON]:
    return {name: root[name] for name in ("$defs", "definitions") if name in root}


def _merged(schema: Mapping[str, JSON], part: Mapping[str, JSON]) -> dict[str, JSON]:
    merged = {**part, **schema}
    merged["properties"] = {**(schema.get("properties") or {}), **(part.get("properties") or {})}
    merged["required"] = [*(schema.get("required") or ()), *(part.get("required") or ())]
    return merged


def _readings(value: JSON) -> list[JSON]:
    """Give what a value may mean: text that holds a number or a truth counts as that too."""
    readings = [value]
    if isinstance(value, str):
        plain = value.strip().strip("\"'")
        readings.append(plain)
        try:
            number = float(plain.replace(",", "").lstrip("$€£"))
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            readings.append(int(number) if number.is_integer() else number)
        if plain.lower() in ("true", "yes", "false", "no"):
            readings.append(plain.lower() in ("true", "yes"))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        readings.append(str(value))
    return readings


def _type(schema: Mapping[str, JSON]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((option for option in kind if option != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _bounded(value: float, schema: Mapping[str, JSON], *, whole: bool) -> JSON:
    step = schema.get("multipleOf") or (1 if whole else 0)
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    nudge = step or 1e-6
    low = max(low, schema.get("exclusiveMinimum", -math.inf) + nudge)
    high = min(high, schema.get("exclusiveMaximum", math.inf) - nudge)
    value = min(max(value, low), high)
    if step:
        value = math.floor(value / step) * step
        value = value + step if value < low else value
    return int(value) if float(value).is_integer() else value


def _trimmed(text: str, schema: Mapping[str, JSON]) -> str:
    text = text[: int(schema.get("maxLength", MAX_STRING))]
    return text.ljust(int(schema.get("minLength", 0)), ".")
