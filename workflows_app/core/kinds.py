"""What a kind of step is, and the one registry that knows them all.

A kind is one class: its settings model, its ports, and `run()` for a leaf or `expand()` for a
kind that is drawn as one box but runs as primitives. Any Django app may register more in its
`AppConfig.ready()`.
"""

from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel

from workflows_app.core.states import Effect, WaitReason

Primitive = Literal["pure", "call", "wait", "group", "map", "loop", "state_machine", "workflow"]
JSON = Any
COMMON_PORTS = ("done", "error")
GATE_PORTS = ("rejected", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How one step that leads here ended."""

    state: str
    taken: bool
    output: JSON
    error: JSON | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a call consumed: tokens, and US dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBudget:
    """What others spend from as well: a run around this one, a workflow, the installation.

    `of` is the id of that run, workflow or workspace; days and months are those of UTC.
    """

    usd: float
    asks: bool
    per: Literal["run", "day", "month"]
    of: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may cost in US dollars; `granted` is what people added at this step.

    Beyond it, or beyond one of `shared`, the step asks for more (`asks`), or fails.
    """

    usd: float | None  # None: only the shared ones bound it
    asks: bool = True
    granted: float = 0.0
    shared: tuple[SharedBudget, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt of a leaf step.

    `settings` is the step's `with`, rendered: conditions, schemas and bodies stay as they were
    written, everything else is a value. `evaluate` runs a bare CEL source of those settings
    on the step's variables (optionally with more of them). `key` goes to the outside world as
    `Idempotency-Key` and is the same for every attempt of one intent.
    """

    run_id: UUID
    step_run_id: UUID
    workspace_id: UUID
    path: str
    generation: int
    attempt: int
    key: str
    mode: Literal["live", "rehearsal"]
    uses_stand_in: bool
    settings: dict[str, JSON]
    pins: Mapping[str, JSON]
    sources: Mapping[str, Source]
    evaluate: Callable[..., JSON]
    deadline: float  # time.monotonic() by which the attempt must have ended
    is_cancelled: Callable[[], bool]
    actor: str  # who the run acts for: user:NAME, service:NAME or trigger:ID
    spec: Mapping[str, JSON] = field(default_factory=dict)  # the whole step as defined
    budget: Budget | None = None  # of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The call ended well; `details` goes into the attempt."""

    output: JSON = None
    port: str = "done"
    usage: Usage = Usage()
    details: JSON | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """The step waits, holding nothing; `until` resumes it with `done` unless it says otherwise."""

    reason: WaitReason
    until: datetime | None = None
    after: timedelta | None = None
    waiting: JSON | None = None  # shown to people: {"event": ...}
    request: JSON | None = None  # what an effect handler needs, by reason


class StepError(Exception):
    """The attempt failed.

    Args:
        code: stable and short, such as `timeout` or `http_503`.
        retryable: another attempt may help.
        retry_after: the shortest wait the other side asked for.
        outcome_unknown: the request may have been carried out.
        wait: the attempt never began, and why: where no way leads on from an error, the step
            waits `retry_after` instead of failing, and no attempt is counted.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        retry_after: timedelta | None = None,
        outcome_unknown: bool = False,
        port: str = "error",
        usage: Usage = Usage(),
        details: JSON | None = None,
        wait: WaitReason | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        self.port = port
        self.usage = usage
        self.details = details
        self.wait = wait


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionParts:
    """What a step would do, as an approval binds it (the rest the engine adds)."""

    kind: str
    arguments: JSON
    tool: str | None = None
    tool_version: str | None = None
    schema: str | None = None  # SHA-256 of the tool's input schema
    target: str | None = None  # the host, the account or the address it acts on
    credentials: tuple[str, ...] = ()  # handles, never values


class Kind(ABC):
    """One kind of step. Subclass, fill in, `register(MyKind())`."""

    name: ClassVar[str]
    needs_model: ClassVar[bool] = False  # a live run needs a model key
    reads_sources: ClassVar[bool] = False  # wants `Call.sources`: how the steps before it ended
    is_hidden: ClassVar[bool] = False  # only expansions use it: no palette, no definition
    primitive: ClassVar[Primitive | None] = None  # None: it expands into others
    settings: ClassVar[type[BaseModel]]
    label: ClassVar[str] = ""  # shown in the palette
    group: ClassVar[str] = "More"  # of the palette: Work, Flow, People, Waiting, Safety, More
    summary: ClassVar[str] = ""  # one sentence for the palette and the docs

    def ports(self, settings: Mapping[str, JSON]) -> tuple[str, ...]:
        """Give the ports beyond `done` and `error`; `settings` may be incomplete."""
        return ()

    def effect(self, settings: Mapping[str, JSON]) -> Effect:
        """Give what the call may change, where the step does not say so itself."""
        return Effect.NONE

    def is_idempotent(self, settings: Mapping[str, JSON]) -> bool:
        """Tell whether the outside call may be repeated with the same key."""
        return self.effect(settings) is Effect.NONE

    def effect_of(self, call: Call) -> tuple[Effect, bool]:
        """Give the effect of this very call, and whether it may be repeated with its key."""
        return self.effect(call.settings), self.is_idempotent(call.settings)

    def stays_inside(self, settings: Mapping[str, JSON], pins: Mapping[str, JSON]) -> bool:
        """Tell whether the call changes nothing and calls nobody outside this process."""
        return False

    def edited(self, settings: Mapping[str, JSON], arguments: JSON) -> dict[str, JSON]:
        """Give the settings after a person changed the arguments of the action."""
        if "arguments" in settings:
            return {**settings, "arguments": arguments}
        return dict(arguments)

    def action(self, call: Call) -> ActionParts:
        """Give what is about to be done, for the approval's digest. No I/O beyond the database."""
        return ActionParts(kind=self.name, arguments=call.settings)

    def undo(self, call: Call) -> dict[str, JSON] | None:
        """Give what reverses this call, `{tool, arguments}`, where the step names no undo."""
        return None

    def run(self, call: Call) -> Done | Suspend:
        """Carry the step out (leaves only), holding no database connection while waiting.

        Raises:
            StepError: the attempt failed.
        """
        raise TypeError(f"{self.name} has a body and is not run as a call")

    def expand(self, step: dict[str, JSON]) -> dict[str, JSON]:
        """Give the same step built from primitives (kinds without a primitive only)."""
        raise TypeError(f"{self.name} is a primitive")

    def runs_as(self, settings: Mapping[str, JSON]) -> str | None:
        """Give the name of the kind that a step with these settings runs as, if it is another."""
        return None

    def bodies(self, settings: Mapping[str, JSON]) -> dict[str, JSON]:
        """Give each body inside the settings by its key: {"": body} for one, names for several."""
        return {}


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known; a second one of the same name is an error."""
    if type(_KINDS.get(kind.name)) not in (type(None), type(kind)):
        raise ValueError(f"there is already a kind named {kind.name}")
    _KINDS[kind.name] = kind


def kind_get(name: str) -> Kind:
    """Give the kind of that name.

    Raises:
        KeyError: no app registered it.
    """
    return _KINDS[name]


def kinds() -> dict[str, Kind]:
    """Give all kinds by name, in the order of registration."""
    return dict(_KINDS)
