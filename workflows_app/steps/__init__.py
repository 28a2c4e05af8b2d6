"""The engine's own kinds of steps, one file each."""

from workflows_app.core.kinds import register
from workflows_app.steps.consensus import ConsensusKind, TallyKind
from workflows_app.steps.decision import DecisionKind
from workflows_app.steps.delay import DelayKind
from workflows_app.steps.end import EndKind
from workflows_app.steps.escalation import EscalationKind, HandOnKind
from workflows_app.steps.fallback import FallbackKind, TakeKind
from workflows_app.steps.group import GroupKind
from workflows_app.steps.loop import LoopKind
from workflows_app.steps.map import MapKind
from workflows_app.steps.merge import MergeKind
from workflows_app.steps.publish import PublishKind
from workflows_app.steps.state_machine import StateMachineKind
from workflows_app.steps.transform import TransformKind
from workflows_app.steps.wait import WaitKind
from workflows_app.steps.workflow import WorkflowKind

_KINDS = (
    DecisionKind,
    GroupKind,
    MapKind,
    LoopKind,
    MergeKind,
    TransformKind,
    WaitKind,
    DelayKind,
    PublishKind,
    StateMachineKind,
    WorkflowKind,
    EscalationKind,
    FallbackKind,
    ConsensusKind,
    EndKind,
    HandOnKind,
    TakeKind,
    TallyKind,
)


def register_kinds() -> None:
    """Make the engine's own kinds known."""
    for kind in _KINDS:
        register(kind())
