"""What other apps add to pages without the pages knowing them."""

from collections.abc import Callable
from dataclasses import dataclass

from workflows_app.models import Run
from workflows_app.selectors.people import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """A line above every page; `link` is the word that leads to `href`."""

    family: str  # of colours: fail, human, run, ok, idle
    icon: str
    text: str
    href: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How far the record of a run can be proved, in one line."""

    family: str
    icon: str
    text: str
    href: str


_banners: list[Callable[[Principal], list[Banner]]] = []
_proof: list[Callable[[Run], Proof | None]] = []


def register_banners(function: Callable[[Principal], list[Banner]]) -> None:
    """Have a function asked, for every page, what this person has to be told."""
    if function not in _banners:
        _banners.append(function)


def register_proof(function: Callable[[Run], Proof | None]) -> None:
    """Say who knows how far the record of a run can be proved."""
    _proof[:] = [function]


def banners_of(actor: Principal) -> list[Banner]:
    """Give what stands above every page of this person."""
    return [banner for function in _banners for banner in function(actor)]


def proof_of(run: Run) -> Proof | None:
    """Give how far the record of a run can be proved, where somebody knows."""
    return _proof[0](run) if _proof else None
