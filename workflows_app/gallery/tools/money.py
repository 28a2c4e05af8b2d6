"""Money: `payments.*`, `loans.*`, `rates.*`."""

from typing import TypedDict

from workflows_app.agents.tools import ToolCall, ToolError, tool
from workflows_app.gallery.acts import Ended, act_once, acts, number_from
from workflows_app.gallery.sample_data import (
    BUSY_BANKS,
    LOAN_LIMIT,
    NO_CUSTOMERS,
    NO_FILE,
    PAYMENTS,
    RATES,
)


class Payment(TypedDict):
    """One payment with what was given back of it."""

    payment: str
    customer: str
    order: str
    amount: float
    at: str
    refunded: float


class Payments(TypedDict):
    """A customer's payments."""

    payments: list[Payment]
    total: float


class Refund(TypedDict):
    """A refund that was made."""

    id: str
    payment: str
    amount: float


class Charge(TypedDict):
    """A card that was charged."""

    id: str
    order: str
    amount: float
    state: str


class Payout(TypedDict):
    """Money that was paid out."""

    id: str
    to: str
    amount: float
    state: str


class Loan(TypedDict):
    """A loan that was paid out."""

    id: str
    applicant: str
    amount: float
    state: str


class Score(TypedDict):
    """How well an income carries a loan."""

    score: float
    why: str
    confidence: float
    has_file: bool


class Rate(TypedDict):
    """An exchange rate: units of `quote` for one `base`."""

    base: str
    quote: str
    rate: float


CARD_LIMIT = 10_000
AT_ONCE = 5_000  # a card above it is settled later: the bank asks its customer first


def _refunded(payment: str) -> float:
    reversed_ids = {row.arguments["id"] for row in acts("payments.reverse")}
    return sum(
        row.arguments["amount"]
        for row in acts("payments.refund", payment=payment)
        if row.result["id"] not in reversed_ids
    )


@tool("payments.history", effect="none")
def history(customer: str) -> Payments:
    """List a customer's payments with what was already given back of each."""
    found = [
        {"payment": name, **row, "refunded": _refunded(name)}
        for name, row in PAYMENTS.items()
        if row["customer"] == customer
    ]
    return {"payments": found, "total": sum(row["amount"] for row in found)}


@tool("payments.refund", effect="reversible", idempotent=True, undo="payments.reverse")
def refund(call: ToolCall, payment: str, amount: float, reason: str) -> Refund:
    """Give money of a payment back to the customer."""
    if payment not in PAYMENTS:
        raise ToolError(f"there is no payment {payment}", code="unknown_payment")
    if amount <= 0 or amount > PAYMENTS[payment]["amount"]:
        raise ToolError(f"{payment} was {PAYMENTS[payment]['amount']}", code="amount_refused")
    arguments = {"payment": payment, "amount": amount, "reason": reason}
    result = {"id": number_from("RF", call.key), "payment": payment, "amount": amount}
    return act_once(tool="payments.refund", key=call.key, arguments=arguments, result=result)


@tool("payments.reverse", effect="irreversible", idempotent=True)
def reverse(call: ToolCall, id: str) -> Ended:
    """Claim a refund back."""
    result = {"id": id, "state": "reversed"}
    return act_once(tool="payments.reverse", key=call.key, arguments={"id": id}, result=result)


@tool("payments.charge", effect="reversible", idempotent=True, undo="payments.void")
def charge(call: ToolCall, order: str, amount: float) -> Charge:
    """Charge the card of an order; above 5,000 it is pending at first, above 10,000 declined."""
    if amount > CARD_LIMIT:
        raise ToolError(f"the card of {order} does not cover {amount:g}", code="card_declined")
    arguments = {"order": order, "amount": amount}
    state = "pending" if amount > AT_ONCE else "charged"
    result = {"id": number_from("P", call.key), **arguments, "state": state}
    return act_once(tool="payments.charge", key=call.key, arguments=arguments, result=result)


@tool("payments.pay_out", effect="reversible", idempotent=True, undo="payments.void")
def pay_out(call: ToolCall, to: str, amount: float) -> Payout:
    """Pay an amount to a customer."""
    arguments = {"to": to, "amount": amount}
    result = {"id": number_from("PO", call.key), **arguments, "state": "paid"}
    return act_once(tool="payments.pay_out", key=call.key, arguments=arguments, result=result)


@tool("payments.void", effect="irreversible", idempotent=True)
def void(call: ToolCall, id: str) -> Ended:
    """Void a charge or a payout."""
    result = {"id": id, "state": "void"}
    return act_once(tool="payments.void", key=call.key, arguments={"id": id}, result=result)


@tool("loans.score", effect="none")
def score(applicant: str, amount: float, income: float) -> Score:
    """Give 0 to 100 for how well the income carries the loan, why, and how sure that is."""
    if applicant in NO_CUSTOMERS:
        raise ToolError(f"{applicant} is no customer of ours", code="no_customer")
    burden = amount / income if income > 0 else 10.0
    points = round(max(0.0, min(100.0, 100.0 - 50.0 * burden)), 1)
    why = f"the loan is {burden:.2f} times the income of a year"
    return {
        "score": points,
        "why": why,
        "confidence": round(0.5 + abs(points - 50.0) / 100.0, 2),
        "has_file": applicant not in NO_FILE,
    }


@tool("loans.pay_out", effect="reversible", idempotent=True, undo="loans.call_back")
def loan_pay_out(call: ToolCall, applicant: str, amount: float) -> Loan:
    """Pay a loan out; a busy bank refuses the first time, and every bank refuses too much."""
    if amount > LOAN_LIMIT:
        raise ToolError(f"the bank pays out at most {LOAN_LIMIT:g}", code="payout_refused")
    if applicant in BUSY_BANKS and "[0]" in call.key:  # the first visit to the state
        raise ToolError(f"the bank of {applicant} is busy", code="bank_busy")
    arguments = {"applicant": applicant, "amount": amount}
    result = {"id": number_from("L", call.key), **arguments, "state": "paid"}
    return act_once(tool="loans.pay_out", key=call.key, arguments=arguments, result=result)


@tool("loans.call_back", effect="irreversible", idempotent=True)
def call_back(call: ToolCall, id: str) -> Ended:
    """Call a paid loan back."""
    result = {"id": id, "state": "called back"}
    return act_once(tool="loans.call_back", key=call.key, arguments={"id": id}, result=result)


def _rate(source: str, base: str, quote: str) -> Rate:
    known = RATES[source]
    if base != "EUR" or quote not in known:
        raise ToolError(f"{source} has no rate from {base} to {quote}", code="no_rate")
    return {"base": base, "quote": quote, "rate": known[quote]}


@tool("rates.market", effect="none")
def rate_market(base: str, quote: str) -> Rate:
    """Give the market's rate of this minute, for the three currencies it trades."""
    return _rate("rates.market", base, quote)


@tool("rates.daily", effect="none")
def rate_daily(base: str, quote: str) -> Rate:
    """Give the rate published each day."""
    return _rate("rates.daily", base, quote)


@tool("rates.table", effect="none")
def rate_table(base: str, quote: str) -> Rate:
    """Give the rate of the printed table, which is coarse and old."""
    return _rate("rates.table", base, quote)
