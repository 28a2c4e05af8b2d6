"""Small definitions for the tests of their checks, and what a check finds in them."""

from workflows_app.core.definition import definition_check


def step(name, /, value=1, **more):
    return {"id": name, "kind": "transform", "with": {"value": value}, **more}


def of(kind, name="x", /, **settings):
    return {"id": name, "kind": kind, "with": settings}


def edges(*pairs):
    return [dict(zip(("from", "to"), pair.split(">"), strict=True)) for pair in pairs]


def workflow(steps, *pairs, **more):
    return {"format": 1, "name": "W", "steps": steps, "edges": edges(*pairs), **more}


def body(*steps, pairs=(), **more):
    return {"steps": list(steps), "edges": edges(*pairs), **more}


def found(document, context=None):
    """Give (code, step, pointer) of each problem."""
    checked = definition_check(document, context)
    return {(one.code, one.step, one.pointer) for one in checked.problems}


def codes(document, context=None):
    return {one.code for one in definition_check(document, context).problems}


def errors(document, context=None):
    return {one.code for one in definition_check(document, context).errors}


SOUND = workflow(
    [
        step("first", {"n": "=input.n"}),
        of("decision", "choose", branches=[{"port": "big", "when": "steps.first.output.n > 5.0"}]),
        of(
            "map",
            "each",
            items="=input.items",
            body=body(
                step("inner", "=item.n * 2.0 + index"),
                of(
                    "loop",
                    "again",
                    body=body(step("deep", "=previous")),
                    until="output.ok",
                    limit=3,
                ),
                pairs=["inner>again"],
            ),
        ),
        of("merge", "join"),
    ],
    "first>choose",
    "choose.big>each",
    "choose.default>join",
    "each>join",
    input={"type": "object", "properties": {"n": {"type": "number"}}},
    output={"all": "=steps.join.output"},
    layout={"first": [0, 0]},
)
