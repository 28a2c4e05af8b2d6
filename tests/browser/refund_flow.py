"""The gallery's refund workflow as a person makes it: what is written in which field."""

import json

from workflows_app.gallery.catalog import sample_get

# What rows of fields do not say, the page of the definition's JSON does.
UNSAID = {"title", "pattern", "minLength", "minimum", "maximum", "exclusiveMinimum", "examples"}
# What holds where nothing is written.
SO = {
    "attempts": 3,
    "initial": "1s",
    "factor": 2,
    "maximum": "60s",
    "jitter": True,
    "need": 1,
    "deadline": "24h",
    "on_timeout": "deny",
}
KINDS = {
    "classify": ("router", "Router"),
    "draft": ("agent", "Agent"),
    "issue": ("tool", "Tool"),
    "explain": ("model", "Model"),
    "by_hand": ("approval", "Approval gate"),
    "unanswered": ("transform", "Transform"),
}


def gallery():
    """Give the definition to be made, in the order that does not matter."""
    return comparable(sample_get("refund").definition)


def comparable(definition):
    """Give a definition without its layout, in an order of its own."""
    found = json.loads(json.dumps({**definition, "layout": None}))
    found["steps"].sort(key=lambda step: step["id"])
    found["edges"].sort(key=lambda edge: (edge["from"], edge["to"]))
    _plain(found["input"])
    for step in found["steps"]:
        _same(step, step["with"])
    return found


def _same(step, settings):
    """Write what means the same in one way: forms leave out what is so anyway."""
    for name in ("retry", "approval"):
        if name in step:
            step[name] = {key: value for key, value in step[name].items() if not _is_so(key, value)}
    if step["kind"] == "agent":
        _plain(settings["output"])
        settings["tools"] = [
            one["tool"] if isinstance(one, dict) and set(one) == {"tool"} else one
            for one in settings["tools"]
        ]
    impact = step.get("approval", {}).get("impact")
    if isinstance(impact, list) and len(impact) == 1:
        step["approval"]["impact"] = impact[0]


def _is_so(key, value):
    return key in SO and SO[key] == value


def _plain(schema):
    for field in (schema, *schema["properties"].values()):
        for name in UNSAID & set(field):
            del field[name]


def written():
    """Give the settings of the workflow and of each step, as the gallery has them."""
    definition = sample_get("refund").definition
    return definition, {step["id"]: step for step in definition["steps"]}


def workflow_fill(fields):
    definition, _ = written()
    fields.at("")
    fields.write("/description", "v", definition["description"])
    schema_fill(fields, "/input", definition["input"])
    fields.write("/output", "v", json.dumps(definition["output"]))
    trigger = definition["triggers"][0]
    fields.press("/triggers", "add:v")
    fields.write("/triggers", "v/0/event", trigger["event"])
    fields.write("/triggers", "v/0/where", trigger["where"])
    fields.write("/triggers", "v/0/input", json.dumps(trigger["input"]))
    fields.choose("/on_failure", "v", definition["on_failure"])


def schema_fill(fields, pointer, schema):
    for place, (name, field) in enumerate(schema["properties"].items()):
        fields.write(pointer, f"v/{place}/key", name)
        if field["type"] != "string":
            fields.choose(pointer, f"v/{place}/type", field["type"])
        fields.tick(pointer, f"v/{place}/required")


def step_fill(fields, name):
    """Fill the fields of a step that was just added, and give it its name."""
    _, steps = written()
    fields.at(KINDS[name][0])
    FILLS[name](fields, steps[name])
    fields.rename(name)


def _classify(fields, step):
    for place, label in enumerate(step["with"]["labels"]):
        fields.write("/with/labels", f"v/{place}", label)
    fields.write("/with/prompt", "v", step["with"]["prompt"])


def _draft(fields, step):
    settings = step["with"]
    fields.write("/with/prompt", "v", settings["prompt"])
    for place, tool in enumerate(settings["tools"]):
        fields.press("/with/tools", "add:v")
        fields.write("/with/tools", f"v/{place}/tool", tool)
    schema_fill(fields, "/with/output", settings["output"])
    fields.write("/with/turns", "v", str(settings["turns"]))
    fields.write("/timeout", "v", step["timeout"])
    fields.press("/retry", "on:v")


def _issue(fields, step):
    fields.write("/with/tool", "v", step["with"]["tool"])
    for key, value in step["with"]["arguments"].items():
        fields.argument("/with/arguments", "v", key, value)
    gate = step["approval"]
    fields.press("/approval", "on:v")
    for name in ("summary", "when", "details", "recommendation", "confidence", "risk"):
        fields.write("/approval", f"v/{name}", gate[name])
    fields.write("/approval", "v/impact/0", gate["impact"])
    fields.press("/approval", "add:v/alternatives")
    for name, value in gate["alternatives"][0].items():
        fields.write("/approval", f"v/alternatives/0/{name}", str(value))
    fields.people("/approval", "v/assignees", gate["assignees"])
    fields.press("/undo", "on:v")
    fields.write("/undo", "v/tool", step["undo"]["tool"])
    for key, value in step["undo"]["arguments"].items():
        fields.argument("/undo", "v/arguments", key, value)


def _explain(fields, step):
    fields.write("/with/prompt", "v", step["with"]["prompt"])


def _by_hand(fields, step):
    settings = step["with"]
    fields.write("/with/summary", "v", settings["summary"])
    fields.write("/with/details", "v", settings["details"])
    fields.people("/with/assignees", "v", settings["assignees"])
    fields.tick("/with/decisions", "v", settings["decisions"][0])


def _unanswered(fields, step):
    fields.write("/with/value", "v", json.dumps(step["with"]["value"]))


FILLS = {
    "classify": _classify,
    "draft": _draft,
    "issue": _issue,
    "explain": _explain,
    "by_hand": _by_hand,
    "unanswered": _unanswered,
}
