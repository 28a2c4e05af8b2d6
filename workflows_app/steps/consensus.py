"""The kind `consensus`: the same task to several, and whether they agree."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from workflows_app.core.canonical import digest
from workflows_app.core.definition.markers import Condition, StepSpec
from workflows_app.core.expressions.problems import ExpressionError
from workflows_app.core.kinds import Call, Done, Kind, StepError
from workflows_app.steps.inner import as_group, edge, steps_of
from workflows_app.steps.settings import Settings

_TALLY, _DISAGREED = "_tally", "_disagreed"
Agreement = Annotated[int, Field(ge=1)] | Annotated[str, Condition(more=("votes",))]


class ConsensusSettings(Settings):
    """Who votes, and what counts as agreement."""

    members: Annotated[
        list[Annotated[dict[str, Any], StepSpec()]], Field(min_length=1, max_length=100)
    ]
    agree: Agreement = Field(description="a number of equal answers, or CEL over `votes`")


class ConsensusKind(Kind):
    """Ask all members at once; a disagreement has a port of its own."""

    name = "consensus"
    settings = ConsensusSettings
    label = "Consensus"
    summary = "Gives the same task to several steps and goes on only where they agree."

    def ports(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Give `disagreed`."""
        return ("disagreed",)

    def expand(self, step: dict[str, Any]) -> dict[str, Any]:
        """Run the members side by side, each allowed to fail, then count."""
        members = [
            {**member, "optional": True}
            for member in steps_of(step["with"].get("members"), "member")
        ]
        tally = {"id": _TALLY, "kind": TallyKind.name, "with": {"agree": step["with"]["agree"]}}
        disagreed = {
            "id": _DISAGREED,
            "kind": "end",
            "with": {"outcome": "disagreed", "value": f"=steps.{_TALLY}.output"},
        }
        body = {
            "steps": [*members, tally, disagreed],
            "edges": [
                *(edge(member["id"], _TALLY) for member in members),
                edge(f"{_TALLY}.disagreed", _DISAGREED),
            ],
            "output": f"=steps.{_TALLY}.output",
        }
        return as_group(step, body)


class TallySettings(Settings):
    """What counts as agreement."""

    agree: Agreement


class TallyKind(Kind):
    """Count equal answers; only expansions use it."""

    name = "tally"
    primitive = "pure"
    reads_sources = True
    is_hidden = True
    settings = TallySettings
    label = "Tally"
    summary = "Counts which answers agree."

    def ports(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Give `disagreed`."""
        return ("disagreed",)

    def run(self, call: Call) -> Done:
        """Give `{answer, votes}`: the most frequent answer, the first of several.

        Raises:
            StepError: `all_failed`: no member answered; or the condition failed.
        """
        votes = [
            {"member": name, "output": source.output}
            for name, source in call.sources.items()
            if source.taken and source.state == "succeeded"
        ]
        if not votes:
            raise StepError("all_failed", "no member answered")
        answer, count = _most_frequent(votes)
        agree = call.settings["agree"]
        is_agreed = _agrees(call, agree, votes) if isinstance(agree, str) else count >= agree
        if is_agreed:
            return Done(output={"answer": answer, "votes": votes})
        return Done(output={"answer": None, "votes": votes}, port="disagreed")


def _most_frequent(votes: list[dict[str, Any]]) -> tuple[Any, int]:
    keys = [digest(vote["output"]) for vote in votes]
    most = max(keys, key=keys.count)
    return votes[keys.index(most)]["output"], keys.count(most)


def _agrees(call: Call, source: str, votes: list[dict[str, Any]]) -> bool:
    try:
        return bool(call.evaluate(source, votes=votes))
    except ExpressionError as error:
        raise StepError(error.code, f"{source}: {error.message}") from error
