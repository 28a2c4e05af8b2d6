"""The kinds that agents, models, tools and guardrails bring."""

from workflows_app.agents.steps.agent import AgentKind
from workflows_app.agents.steps.agent_parts import AnswerKind, ResultKind, TurnKind
from workflows_app.agents.steps.dispatch_kinds import WorkPickKind, WorkResultKind
from workflows_app.agents.steps.guard import GuardKind
from workflows_app.agents.steps.merge_by_model import MergeByModelKind
from workflows_app.agents.steps.model import ModelKind, RouterKind
from workflows_app.agents.steps.plan import PlanKind
from workflows_app.agents.steps.plan_parts import (
    PlanGatherKind,
    PlanJudgeKind,
    PlanReadyKind,
    PlanWriteKind,
)
from workflows_app.agents.steps.supervisor import SplitKind, SupervisorJudgeKind, SupervisorKind
from workflows_app.agents.steps.tool import ToolKind
from workflows_app.core.kinds import register


def register_kinds() -> None:
    """Make them known to the engine."""
    for kind in (
        AgentKind(),
        ModelKind(),
        RouterKind(),
        MergeByModelKind(),
        ToolKind(),
        GuardKind(),
        PlanKind(),
        SupervisorKind(),
        TurnKind(),
        ResultKind(),
        AnswerKind(),
        WorkPickKind(),
        WorkResultKind(),
        PlanWriteKind(),
        PlanReadyKind(),
        PlanGatherKind(),
        PlanJudgeKind(),
        SplitKind(),
        SupervisorJudgeKind(),
    ):
        register(kind)
