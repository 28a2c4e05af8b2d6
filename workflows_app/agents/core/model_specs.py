"""Models by role: which one is meant, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

JSON = Any
PER = 1_000_000
# US dollars for a million tokens. A workspace's settings["models"] changes or adds roles.
DEFAULT_MODELS: Mapping[str, Mapping[str, JSON]] = {
    "small": {
        "id": "claude-haiku-5-5",
        "input_usd": 0.10,
        "output_usd": 0.50,
        "long": {"above": 100_000, "input_usd": 0.50, "output_usd": 2.50},
    },
    "medium": {"id": "claude-sonnet-5-5", "input_usd": 2.0, "output_usd": 10.0},
    "large": {"id": "claude-opus-5-5", "input_usd": 4.0, "output_usd": 20.0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One role's model. Prices are US dollars for a million tokens.

    `long_above` is the prompt size, in tokens, from which the long prices hold; 0 for none.
    """

    role: str
    id: str
    input_usd: float
    output_usd: float
    long_above: int = 0
    long_input_usd: float = 0.0
    long_output_usd: float = 0.0
    max_tokens: int = 0

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """Give the price of a call in US dollars."""
        is_long = 0 < self.long_above < input_tokens
        per_input = self.long_input_usd if is_long else self.input_usd
        per_output = self.long_output_usd if is_long else self.output_usd
        return round((input_tokens * per_input + output_tokens * per_output) / PER, 8)


class UnknownRole(Exception):
    """No model has that role."""


def model_roles(settings: Mapping[str, JSON] | None) -> dict[str, ModelSpec]:
    """Give every role's model: the defaults, changed by a workspace's settings["models"]."""
    chosen = (settings or {}).get("models") or {}
    roles = {**DEFAULT_MODELS, **chosen}
    return {role: _spec(role, {**DEFAULT_MODELS.get(role, {}), **roles[role]}) for role in roles}


def _spec(role: str, row: Mapping[str, JSON]) -> ModelSpec:
    long = row.get("long") or {}
    return ModelSpec(
        role=role,
        id=str(row.get("id", role)),
        input_usd=float(row.get("input_usd", 0.0)),
        output_usd=float(row.get("output_usd", 0.0)),
        long_above=int(long.get("above", 0)),
        long_input_usd=float(long.get("input_usd", 0.0)),
        long_output_usd=float(long.get("output_usd", 0.0)),
        max_tokens=int(row.get("max_tokens", 0)),
    )


def model_pick(
    roles: Mapping[str, ModelSpec], role: str, pinned: Mapping[str, JSON] | None = None
) -> ModelSpec:
    """Give the model of a role; a version's pins win over what the role means by now.

    Raises:
        UnknownRole: there is no such role.
    """
    if role not in roles:
        raise UnknownRole(f"no model has the role {role}; there are {', '.join(sorted(roles))}")
    spec = roles[role]
    wanted = (pinned or {}).get(role, spec.id)
    if wanted == spec.id:
        return spec
    known = {other.id: other for other in (*model_roles(None).values(), *roles.values())}
    priced = known.get(wanted, spec)
    return ModelSpec(
        role=role,
        id=wanted,
        input_usd=priced.input_usd,
        output_usd=priced.output_usd,
        long_above=priced.long_above,
        long_input_usd=priced.long_input_usd,
        long_output_usd=priced.long_output_usd,
        max_tokens=spec.max_tokens,
    )
