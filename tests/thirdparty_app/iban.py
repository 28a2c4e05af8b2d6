"""The kind `iban`: is this the number of a bank account?"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from workflows_app.core.kinds import Call, Done, Kind, StepError

LONGEST = 34


class IbanSettings(BaseModel):
    """`number` may be an expression; it is evaluated when the step runs."""

    model_config = ConfigDict(extra="forbid")

    number: Any


class IbanKind(Kind):
    """Check an account number by its two check digits."""

    name = "iban"
    primitive = "call"
    settings = IbanSettings
    label = "Check IBAN"
    group = "Work"
    summary = "Checks the number of a bank account; a wrong one takes the port invalid."

    def ports(self, settings: Any) -> tuple[str, ...]:
        """Give the port beside `done` and `error`."""
        return ("invalid",)

    def run(self, call: Call) -> Done:
        """Check the number.

        Raises:
            StepError: `no_text`: there is no number to check.
        """
        given = call.settings.get("number")
        if not isinstance(given, str):
            raise StepError("no_text", "the number of an account is a text")
        number = given.replace(" ", "").upper()
        is_valid = is_iban(number)
        return Done(
            output={"number": number, "is_valid": is_valid}, port="done" if is_valid else "invalid"
        )


def is_iban(number: str) -> bool:
    """Say whether the check digits fit: the rest of a division by 97 is 1."""
    fits = number.isascii() and number.isalnum() and 5 <= len(number) <= LONGEST
    if not fits or not number[:2].isalpha() or not number[2:4].isdigit():
        return False
    digits = "".join(str(int(sign, 36)) for sign in number[4:] + number[:4])
    return int(digits) % 97 == 1
