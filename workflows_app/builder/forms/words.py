"""Names and hints of fields, where those of the model are not words for people."""

LABELS = {
    "when": "Only when",
    "join": "Waits for",
    "optional": "May fail",
    "exclusive": "One at a time",
    "timeout": "Time limit",
    "retry": "Try again",
    "cache": "Use a result again",
    "idempotent": "May be repeated",
    "effect": "What it changes",
    "approval": "Ask before",
    "review": "Ask after",
    "undo": "How to reverse it",
    "assignees": "Who decides",
    "need": "How many must agree",
    "deadline": "Decide within",
    "on_timeout": "If nobody decides",
    "ladder": "Asked later, if nobody answers",
    "blind": "Blind checks",
    "fires": "Outcome: trigger",
    "entry": "On entry",
    "decisions": "They may",
    "form": "Fields of the answer",
    "output": "Output",
    "turns": "Turns at most",
    "fallback_models": "Models to fall back on",
    "initial": "First",
    "on_failure": "When it fails",
    "limits": "Limits",
    "step_runs": "Step runs at most",
    "budget_usd": "Budget in US dollars",
    "depth": "Depth of child runs",
    "on_trip": "When it trips",
    "for": "For",
    "at": "At",
    "of": "Of the value",
    "slug": "Workflow",
    "escalate_when": "Hand on when",
    "usd": "US dollars",
    "while": "While (tested before)",
    "with": "Settings",
}
PLACES = {
    "/rest": "The branches that were not needed",
    "/until": "Ends early by",
    "/with/until": "Until (tested after)",
    "/with/initial": "First state",
    "/with/rest": "The items that were not needed",
    "/with/approve": "Ask before a plan runs",
    "/with/review": "It looks again",
    "/with/more": "Items that arrive later",
    "/with/enough": "Ends early at",
    "/with/body": "Steps inside",
}
# By the place of the field; those of the model hold elsewhere.
HINTS = {
    "/join": "When several connections lead here.",
    "/rest": "After the first one or a quorum.",
    "/optional": "Where it fails, the run goes on and says so.",
    "/exclusive": "A name: one step of the run holds it at a time.",
    "/timeout": "Of one attempt, such as 60s; of a step with others inside, of all.",
    "/effect": "As its tool says where nothing is chosen.",
    "/idempotent": "The outside call may be sent again with the same key.",
    "/risk": "A level, or CEL that gives one. High wants a reason, critical two people.",
    "/approval": "People agree to exactly what it is about to do.",
    "/review": "People look at what it gave, after it has acted.",
    "/undo": "The tool that takes it back; its arguments also see output.",
    "/until": "An event or a time that races the step's own end; each arm is a port.",
    "/guardrails": "Checks on what goes in and what comes out.",
    "/with/items": "A list, such as =input.items.",
}
# Where the model says nothing.
PLAIN_HINTS = {"/with/value": "Text, =CEL, or JSON with =CEL anywhere in it."}
# By the name of the field, wherever it stands.
NAMED_HINTS = {
    "on_timeout": "Silence never approves.",
    "assignees": "A person as user:NAME, a group as group:NAME, or =CEL that gives one.",
    "deadline": "Such as 30m, 24h or 3d.",
}
CHOICES = {
    "": "Not set",
    "deny": "Deny",
    "escalate": "Escalate",
    "fail": "Fail the step",
    "first": "The first that is true",
    "all": "All that are true",
    "cancel": "Cancel them",
    "leave": "Let them finish",
    "none": "Nothing",
    "reversible": "Something that can be taken back",
    "irreversible": "Something that cannot be taken back",
    "stop": "Stop",
    "compensate": "Undo what was done",
    "object": "An object by step",
    "list": "A list",
    "value": "A value",
    "model": "By a model",
    "after": "After it has acted",
    "parallel": "While the run goes on",
    "before": "Before",
    "both": "Before and after",
    "take_over": "Take over",
    "end": "At the end",
    "each": "After each step",
}


def label_of(name: str, pointer: str = "") -> str:
    """Give the name of a field for people."""
    if pointer in PLACES:
        return PLACES[pointer]
    words = LABELS.get(name) or name.replace("_", " ")
    return words[:1].upper() + words[1:]


def hint_of(name: str, help_text: str, pointer: str = "") -> str:
    """Give the hint under a field; the model's own where there is no better one."""
    hint = HINTS.get(pointer) or NAMED_HINTS.get(name) or help_text or PLAIN_HINTS.get(pointer, "")
    return hint[:1].upper() + hint[1:].replace("`", "")


def choice_of(value: str, name: str = "") -> str:
    """Give the words of a choice."""
    if name == "at" and value == "after":
        return "After"
    words = CHOICES.get(value) or value.replace("_", " ")
    return words[:1].upper() + words[1:]
