"""Check a definition: everything that can be known before it runs, and nothing is evaluated."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workflows_app.core.canonical import digest
from workflows_app.core.definition.call_rules import calls_check, is_limit
from workflows_app.core.definition.expression_rules import (
    BASE_VARIABLES,
    Names,
    part_check,
    schema_check,
    value_check,
)
from workflows_app.core.definition.fields import Part
from workflows_app.core.definition.graph_rules import graph_check, id_check
from workflows_app.core.definition.machine_rules import machine_check, states_of
from workflows_app.core.definition.markers import BodySpec, StepSpec
from workflows_app.core.definition.models import Body, Definition, Step
from workflows_app.core.definition.people_rules import gates_check, timeouts_check
from workflows_app.core.definition.problems import CheckContext, Checked, Findings
from workflows_app.core.definition.shape import shape_check
from workflows_app.core.definition.site import Place, Site
from workflows_app.core.definition.trigger_rules import triggers_check
from workflows_app.core.expressions.rendering import step_parts
from workflows_app.core.strict_json import JsonRefused, strict_check

JSON = Any
SIZE_LIMIT = 1_000_000  # bytes of a whole definition
STEP_LIMIT = 2_000  # steps of a whole definition
BODY_DEPTH = 12


def definition_check(document: JSON, context: CheckContext | None = None) -> Checked:
    """Find what is wrong with a document that should be a definition.

    Args:
        document: any JSON value; a draft may be incomplete.
        context: what lies outside of it; without one only the document itself is checked.

    Returns:
        The digest (None where the document has none), the problems and the definition.
    """
    return definition_study(document, context)[0]


def definition_study(
    document: JSON, context: CheckContext | None = None
) -> tuple[Checked, dict[str, Names]]:
    """Check a document, and give what the expressions of each step may name, by its path."""
    findings = Findings()
    definition, names = None, {}
    if _is_sound(document, findings):
        check = _Check(document, context or CheckContext(), findings)
        definition, names = check.run(), check.names
    checked = Checked(
        digest=definition_digest(document) if isinstance(document, dict) else None,
        problems=tuple(findings.problems.values()),
        definition=definition,
    )
    return checked, names


def definition_digest(document: Mapping[str, JSON]) -> str | None:
    """Give SHA-256 over the RFC 8785 form without any `layout`; None where it is not JSON.

    `layout` is left out of the definition and of each body inside it: moving a box changes no
    meaning.
    """
    try:
        return digest(without_layout(document))
    except (ValueError, RecursionError):
        return None


def without_layout(document: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give the definition without how it is drawn, in every body."""
    return _drawn_apart(document)


def _drawn_apart(value: JSON) -> JSON:
    if isinstance(value, Mapping):
        is_body = isinstance(value.get("steps"), list)
        return {
            key: _drawn_apart(item)
            for key, item in value.items()
            if not (is_body and key == "layout")
        }
    if isinstance(value, list):
        return [_drawn_apart(item) for item in value]
    return value


def _is_sound(document: JSON, findings: Findings) -> bool:
    try:
        if not isinstance(document, dict):
            raise JsonRefused("not_an_object", "a definition is a JSON object")
        strict_check(document)
        if len(json.dumps(document, ensure_ascii=False).encode()) > SIZE_LIMIT:
            raise JsonRefused("too_large", f"a definition has at most {SIZE_LIMIT} bytes")
    except JsonRefused as refused:
        findings.add(refused.code, refused.message, pointer=refused.pointer)
    except ValueError as error:
        findings.add("json_type", str(error), pointer="")
    return not findings.problems


class _Check:
    """One check of one document."""

    def __init__(
        self, document: dict[str, JSON], context: CheckContext, findings: Findings
    ) -> None:
        self.document = document
        self.context = context
        self.findings = findings
        self.steps = 0
        self.names: dict[str, Names] = {}
        self.is_limited = is_limit(document.get("guardrails"))

    def run(self) -> Definition | None:
        shape = shape_check(self.document, Definition, self.findings, ignore=("steps", "triggers"))
        if self.document.get("input") is not None:
            schema_check(self.document["input"], self.findings, pointer="/input")
        triggers_check(self.document, self.findings)
        if not _list(self.document.get("steps")):
            self.findings.add("no_steps", "a workflow needs a step", pointer="/steps")
        self.body(Site(self.document, "", "", BASE_VARIABLES))
        return shape if isinstance(shape, Definition) else None

    def body(self, site: Site) -> None:
        """Check one body, and what lies inside its steps."""
        if site.depth > BODY_DEPTH:
            message = f"bodies are nested deeper than {BODY_DEPTH}"
            self.findings.add("too_deep", message, pointer=site.pointer)
            return
        self._nameless(site)
        graph_check(site, self.findings)
        existing = site.around | site.taken | site.by_id.keys()
        for place in site.places:
            before = site.around | site.before.get(place.id, frozenset())
            self.step(place, site, Names(site.variables, before, existing, site.states), site)
            timeouts_check(site, place, self.findings)
        names = Names(site.variables, site.around | site.by_id.keys(), existing, site.states)
        pointer = f"{site.pointer}/output"
        value_check(site.body.get("output"), names, self.findings, pointer=pointer, step=None)

    def _nameless(self, site: Site) -> None:
        """Note steps that cannot even be named."""
        named = {place.index for place in site.places}
        for index, spec in enumerate(_list(site.body.get("steps"))):
            if index not in named:
                pointer = f"{site.pointer}/steps/{index}"
                shape_check(spec, Step, self.findings, pointer=pointer, step=site.path or None)

    def step(self, place: Place, around: Site, names: Names, site: Site | None) -> None:
        """Check one step; `site` is None for one inside the settings of another."""
        self.steps += 1
        if self.steps > STEP_LIMIT:
            self.findings.add(
                "too_many_steps", f"a definition has at most {STEP_LIMIT} steps", pointer="/steps"
            )
            return
        self.names.setdefault(place.path, names)
        shape_check(place.spec, Step, self.findings, pointer=place.pointer, step=place.path)
        self._kind(place)
        gates_check(place, self.context, self.findings)
        calls_check(place, site, self.is_limited, self.context, self.findings)
        states, parts = states_of(place), step_parts(place.spec, place.kind)
        for part in parts:
            is_inside = bool(states) and "states" in getattr(part.marker, "more", ())
            seen = replace(names, states=states) if is_inside else names
            if isinstance(part.marker, BodySpec):
                self._inner_body(part, place, around, seen)
            elif isinstance(part.marker, StepSpec):
                continue
            else:
                part_check(part, seen, self.findings, pointer=place.pointer, step=place.path)
        inner = [part for part in parts if isinstance(part.marker, StepSpec)]
        self._inner_steps(inner, place, around, names)

    def _kind(self, place: Place) -> None:
        name = place.spec.get("kind")
        if not isinstance(name, str):
            return  # its shape says so
        kind = place.kind
        where: dict[str, Any] = {"pointer": f"{place.pointer}/kind", "step": place.path}
        if kind is None:
            self.findings.add("unknown_kind", f"there is no kind of step called {name}", **where)
            return
        if not getattr(kind, "is_available", True):
            message = f"steps of the kind {name} cannot run in this release"
            self.findings.add("kind_not_available", message, **where)
        settings = place.spec.get("with", {})
        if isinstance(settings, Mapping):
            self._settings(place, settings)
        if name == "state_machine":
            machine_check(place, self.findings)

    def _settings(self, place: Place, settings: Mapping[str, JSON]) -> None:
        kind = place.kind
        if kind is None:
            return
        has_limit = place.spec.get("kind") != "loop" or settings.get("limit") is not None
        if not has_limit:
            self.findings.add(
                "unbounded_loop",
                "a loop needs a limit: how often it runs at most",
                pointer=f"{place.pointer}/with/limit",
                step=place.path,
            )
        is_asking = place.spec.get("kind") in ("approval", "checkpoint")
        ignored = (*(("assignees",) if is_asking else ()), *(() if has_limit else ("limit",)))
        shape_check(
            settings,
            kind.settings,
            self.findings,
            pointer=f"{place.pointer}/with",
            step=place.path,
            ignore=ignored,
        )

    def _inner_body(self, part: Part, place: Place, around: Site, names: Names) -> None:
        pointer = place.pointer + part.pointer
        if not isinstance(part.value, Mapping):
            return  # its shape says so
        shape_check(
            part.value, Body, self.findings, pointer=pointer, step=place.path, ignore=("steps",)
        )
        more = part.marker.more if isinstance(part.marker, BodySpec) else ()
        state = part.pointer.split("/")[3:4] if "/states/" in part.pointer else []
        if not _list(part.value.get("steps")):
            self.findings.add(
                "no_steps", "the body has no steps", pointer=f"{pointer}/steps", step=place.path
            )
        self.body(
            Site(
                part.value,
                pointer,
                ".".join([place.path, *state]),
                names.variables.union(more),
                names.before,
                around.taken | around.by_id.keys(),
                around.depth + 1,
                names.states,
            )
        )

    def _inner_steps(self, parts: list[Part], place: Place, around: Site, names: Names) -> None:
        """Check steps inside the settings: options, members, tiers, workers."""
        taken = around.taken | around.by_id.keys()
        earlier: set[str] = set()
        for index, part in enumerate(parts):
            if not isinstance(part.value, Mapping):
                continue
            spec = {"id": f"step_{index + 1}", **part.value}
            if not isinstance(spec["id"], str):
                spec["id"] = f"step_{index + 1}"
            pointer = place.pointer + part.pointer
            marker = part.marker if isinstance(part.marker, StepSpec) else StepSpec()
            inner = Place(
                index, spec["id"], spec, pointer, f"{place.path}.{spec['id']}",
                marker.is_handed_input,
            )  # fmt: skip
            id_check(inner, taken, self.findings)
            if inner.id in earlier:
                message = f"there are two steps called {inner.id}"
                self.findings.add("duplicate_id", message, pointer=f"{pointer}/id", step=inner.path)
            seen = replace(
                names,
                variables=names.variables.union(marker.more),
                before=names.before | (earlier if marker.sees_earlier else set()),
                existing=names.existing | earlier,
            )
            site = Site(
                {"steps": [spec]}, pointer, place.path, seen.variables, seen.before, taken,
                around.depth + 1, names.states,
            )  # fmt: skip
            self.step(inner, site, seen, None)
            earlier.add(inner.id)


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []
