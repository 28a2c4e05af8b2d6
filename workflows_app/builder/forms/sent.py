"""What a form sent: texts by name, and the act of one button."""

from dataclasses import dataclass

from django.http import QueryDict

ROWS_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form sent, and the act of the button that sent it."""

    data: QueryDict
    act: str = ""

    def text(self, name: str) -> str:
        """Give one input's text, with line ends as the definition has them."""
        return self.data.get(name, "").replace("\r\n", "\n")

    def count(self, name: str) -> int:
        """Give how many rows a list sent."""
        text = self.data.get(f"{name}/n", "0")
        return min(int(text), ROWS_LIMIT) if text.isdecimal() else 0

    def act_on(self, name: str) -> tuple[str, int] | None:
        """Give the act on this list and the row that it means."""
        verb, _, rest = self.act.partition(":")
        target, _, place = rest.partition(":")
        if target != name:
            return None
        return verb, int(place) if place.isdecimal() else 0


class FieldRefused(ValueError):
    """One input holds what cannot be kept; `name` is the input's."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
