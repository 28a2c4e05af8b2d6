"""The rows that the engine and the pages stand on."""

from workflows_app.models.bulk import BulkItem, BulkOperation, SavedView
from workflows_app.models.definitions import Workflow, WorkflowTrigger, WorkflowVersion
from workflows_app.models.drafts import DraftEdit, DraftPin
from workflows_app.models.events import (
    Delivery,
    Event,
    EventUse,
    EventWait,
    TriggerFiring,
    WebhookSubscription,
)
from workflows_app.models.fields import JSONTextField
from workflows_app.models.history import AppEvent, RunEvent
from workflows_app.models.people import ApiToken, Group, Member, SignInLink, User, Workspace
from workflows_app.models.runs import (
    Attempt,
    CachedResult,
    ExclusiveHold,
    IdempotencyKey,
    InboxFact,
    Run,
    Scope,
    StepRun,
    Timer,
    Undo,
)

__all__ = [
    "ApiToken",
    "AppEvent",
    "Attempt",
    "BulkItem",
    "BulkOperation",
    "CachedResult",
    "Delivery",
    "DraftEdit",
    "DraftPin",
    "Event",
    "EventUse",
    "EventWait",
    "ExclusiveHold",
    "Group",
    "IdempotencyKey",
    "InboxFact",
    "JSONTextField",
    "Member",
    "Run",
    "RunEvent",
    "SavedView",
    "Scope",
    "SignInLink",
    "StepRun",
    "Timer",
    "TriggerFiring",
    "Undo",
    "User",
    "WebhookSubscription",
    "Workflow",
    "WorkflowTrigger",
    "WorkflowVersion",
    "Workspace",
]
