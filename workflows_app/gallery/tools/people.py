"""Customers and letters: `crm.*`, `mail.send`, `support.tickets`, `loyalty.balance`."""

from typing import Any, TypedDict

from workflows_app.agents.tools import ToolCall, ToolError, tool
from workflows_app.gallery.acts import Ended, act_once, acts, number_from
from workflows_app.gallery.sample_data import CUSTOMERS, LOYALTY, NOTES, TICKETS


class Customer(TypedDict):
    """A customer as `crm.lookup` gives one."""

    customer: str
    name: str
    email: str
    country: str
    plan: str
    since: str


class Account(TypedDict):
    """An opened account."""

    id: str
    name: str
    plan: str
    state: str


class Change(TypedDict):
    """A changed field with its old value."""

    id: str
    customer: str
    field: str
    value: str
    before: str | None


class Letter(TypedDict):
    """A letter that was sent."""

    id: str
    to: str
    state: str


class Ticket(TypedDict):
    """One ticket of a customer."""

    ticket: str
    about: str
    state: str


class Tickets(TypedDict):
    """A customer's tickets."""

    tickets: list[Ticket]


class Points(TypedDict):
    """A customer's loyalty points."""

    customer: str
    points: int


class Note(TypedDict):
    """One house rule."""

    title: str
    text: str


class Found(TypedDict):
    """The house rules that fit a query."""

    query: str
    found: list[Note]


def _customer(customer: str) -> dict[str, Any]:
    if customer not in CUSTOMERS:
        raise ToolError(f"there is no customer {customer}", code="unknown_customer")
    return {"customer": customer, **CUSTOMERS[customer], **_changes(customer)}


def _changes(customer: str) -> dict[str, Any]:
    restored = {row.arguments["id"] for row in acts("crm.restore")}
    return {
        row.arguments["field"]: row.arguments["value"]
        for row in acts("crm.update", customer=customer)
        if row.result["id"] not in restored
    }


@tool("crm.lookup", effect="none")
def lookup(customer: str) -> Customer:
    """Give a customer's name, email, country, plan and since when they are one."""
    record = _customer(customer)
    return {name: record[name] for name in Customer.__annotations__}


@tool("crm.create_account", effect="reversible", idempotent=True, undo="crm.close_account")
def create_account(call: ToolCall, name: str, email: str, plan: str, seats: float) -> Account:
    """Open an account and give its id."""
    arguments = {"name": name, "email": email, "plan": plan, "seats": seats}
    result = {"id": number_from("A", call.key), "name": name, "plan": plan, "state": "open"}
    return act_once(tool="crm.create_account", key=call.key, arguments=arguments, result=result)


@tool("crm.close_account", effect="irreversible", idempotent=True)
def close_account(call: ToolCall, id: str) -> Ended:
    """Close an account: everybody in it loses access."""
    result = {"id": id, "state": "closed"}
    return act_once(tool="crm.close_account", key=call.key, arguments={"id": id}, result=result)


@tool("crm.update", effect="reversible", idempotent=True, undo="crm.restore")
def update(call: ToolCall, customer: str, field: str, value: str) -> Change:
    """Change one field of a customer and give the old and the new value."""
    before = _customer(customer).get(field)
    arguments = {"customer": customer, "field": field, "value": value}
    result = {"id": number_from("CH", call.key), **arguments, "before": before}
    return act_once(tool="crm.update", key=call.key, arguments=arguments, result=result)


@tool("crm.restore", effect="reversible", idempotent=True)
def restore(call: ToolCall, id: str) -> Ended:
    """Take a change of a customer back."""
    result = {"id": id, "state": "restored"}
    return act_once(tool="crm.restore", key=call.key, arguments={"id": id}, result=result)


@tool("mail.send", effect="irreversible", idempotent=True)
def send(call: ToolCall, to: str, subject: str, text: str) -> Letter:
    """Send a letter. It lands in the table of sample acts, not in a mailbox."""
    arguments = {"to": to, "subject": subject, "text": text}
    result = {"id": number_from("M", call.key), "to": to, "state": "sent"}
    return act_once(tool="mail.send", key=call.key, arguments=arguments, result=result)


@tool("support.tickets", effect="none")
def tickets(customer: str) -> Tickets:
    """List a customer's tickets."""
    return {"tickets": TICKETS.get(customer, [])}


@tool("loyalty.balance", effect="none")
def balance(customer: str) -> Points:
    """Give a customer's points; who never joined has none to look up."""
    if customer not in LOYALTY:
        raise ToolError(f"{customer} has not joined the loyalty scheme", code="not_a_member")
    return {"customer": customer, "points": LOYALTY[customer]}


@tool("library.search", effect="none")
def search(query: str) -> Found:
    """Find house rules that share a word with the query."""
    words = {word.strip(".,?!").casefold() for word in query.split()}
    found = [
        {"title": title, "text": text}
        for title, text in NOTES
        if words & {title, *(word.strip(".,").casefold() for word in text.split())}
    ]
    return {"query": query, "found": found}
