"""What the timed steps call."""

from threading import Event

from workflows_app.agents.tools import tool


@tool("bench.nothing", effect="none")
def nothing(n: float) -> float:
    """Give one more."""
    return n + 1


@tool("bench.call", effect="none")
def call(seconds: float) -> float:
    """Take as long as a call to a service that answers after `seconds`."""
    Event().wait(seconds)
    return seconds


@tool("bench.refund", effect="none")
def refund(customer: str, amount: float) -> str:
    """Say what would be refunded."""
    return f"{amount} to {customer}"
