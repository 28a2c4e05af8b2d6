"""Goods: `orders.*`, `inventory.*`, `shipping.*`, `quotes.*`."""

from typing import Any, TypedDict

from workflows_app.agents.tools import ToolCall, ToolError, tool
from workflows_app.gallery.acts import Ended, act_once, acts, number_from
from workflows_app.gallery.sample_data import ORDERS, SOLD_OUT, SUPPLIERS, TOO_HEAVY


class Order(TypedDict):
    """One order."""

    order: str
    customer: str
    item: str
    amount: float
    state: str


class Orders(TypedDict):
    """A customer's orders."""

    orders: list[Order]


class Reservation(TypedDict):
    """Reserved goods."""

    id: str
    order: str
    item: str
    quantity: float
    state: str


class Parcel(TypedDict):
    """A booked parcel."""

    id: str
    order: str
    address: str
    state: str


class Quote(TypedDict):
    """What a supplier asks for the whole quantity."""

    supplier: str
    price: float


class Cheapest(TypedDict):
    """The lowest quote, and by how much the others are dearer."""

    supplier: str
    price: float
    others: dict[str, float]


@tool("orders.lookup", effect="none")
def lookup(order: str) -> Order:
    """Give one order: its customer, item, amount and state."""
    found = [row for row in ORDERS if row["order"] == order]
    if not found:
        raise ToolError(f"there is no order {order}", code="unknown_order")
    return found[0]


@tool("orders.list", effect="none")
def orders(customer: str) -> Orders:
    """List a customer's orders."""
    return {"orders": [row for row in ORDERS if row["customer"] == customer]}


@tool("inventory.reserve", effect="reversible", idempotent=True, undo="inventory.release")
def reserve(call: ToolCall, order: str, item: str, quantity: float) -> Reservation:
    """Reserve goods for an order."""
    if item in SOLD_OUT:
        raise ToolError(f"no {item} is left", code="sold_out")
    arguments = {"order": order, "item": item, "quantity": quantity}
    result = {"id": number_from("R", call.key), **arguments, "state": "reserved"}
    return act_once(tool="inventory.reserve", key=call.key, arguments=arguments, result=result)


@tool("inventory.release", effect="irreversible", idempotent=True)
def release(call: ToolCall, id: str) -> Ended:
    """Give reserved goods free again; what is too heavy the warehouse does not take back."""
    held = [row for row in acts("inventory.reserve") if row.result["id"] == id]
    if any(row.arguments["item"] in TOO_HEAVY for row in held):
        raise ToolError("the warehouse does not take this back", code="not_taken_back")
    result = {"id": id, "state": "released"}
    return act_once(tool="inventory.release", key=call.key, arguments={"id": id}, result=result)


@tool("shipping.book", effect="reversible", idempotent=True, undo="shipping.cancel")
def book(call: ToolCall, order: str, address: str) -> Parcel:
    """Book a parcel; an address without a number cannot be reached."""
    if not any(character.isdigit() for character in address):
        raise ToolError(f"no parcel reaches {address}", code="no_such_address")
    arguments = {"order": order, "address": address}
    result = {"id": number_from("S", call.key), **arguments, "state": "booked"}
    return act_once(tool="shipping.book", key=call.key, arguments=arguments, result=result)


@tool("shipping.cancel", effect="irreversible", idempotent=True)
def cancel(call: ToolCall, id: str) -> Ended:
    """Cancel a booked parcel."""
    result = {"id": id, "state": "cancelled"}
    return act_once(tool="shipping.cancel", key=call.key, arguments={"id": id}, result=result)


@tool("quotes.ask", effect="none")
def ask(supplier: str, item: str, quantity: float) -> Quote:
    """Ask a supplier for a price."""
    prices = SUPPLIERS.get(supplier, {})
    if item not in prices:
        raise ToolError(f"{supplier} does not sell {item}", code="no_quote")
    return {"supplier": supplier, "price": round(prices[item] * quantity, 2)}


@tool("quotes.cheapest", effect="none")
def cheapest(quotes: list[dict[str, Any]]) -> Cheapest:
    """Give the quote with the lowest price, and what the others ask beyond it."""
    if not quotes:
        raise ToolError("there is no quote to choose from", code="no_quotes")
    ordered = sorted(quotes, key=lambda quote: (quote["price"], quote["supplier"]))
    best = ordered[0]
    more = {q["supplier"]: round(q["price"] - best["price"], 2) for q in ordered[1:]}
    return {**best, "others": more}
