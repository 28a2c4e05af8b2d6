"""Walk a chain from its beginning and stop at the first position that does not hold."""

from dataclasses import dataclass, field

from workflows_app.evidence.core.records import GENESIS, Link, link_next


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a walk found. `first_bad` is a position, or None when everything holds.

    `position` and `hash` are the head: where the chain says that it ends (when it is broken), or
    the last record that holds, for a file.
    """

    checked: int
    first_bad: int | None
    why: str
    position: int
    hash: str  # lower-case hex

    @property
    def is_valid(self) -> bool:
        return self.first_bad is None


@dataclass(slots=True, kw_only=True)
class Walk:
    """The state of a walk: feed it links in order, then ask for the verdict."""

    position: int = 0
    hash: bytes = GENESIS
    first_bad: int | None = None
    why: str = ""
    heads: dict[int, str] = field(default_factory=dict)  # hashes noted elsewhere, hex

    def step(self, link: Link, canonical: bytes | None) -> bool:
        """Check the next link against its record; False once the chain is broken.

        Args:
            canonical: the canonical bytes of the record, None when the record is gone.
        """
        expected = self.position + 1
        if link.position != expected:
            return self.fail(expected, f"it is missing: #{link.position} follows #{self.position}")
        if link.previous != self.hash:
            return self.fail(expected, "it does not follow the record before it")
        if canonical is None:
            return self.fail(expected, "its record is gone")
        made = link_next(self.hash, canonical, position=expected)
        if made.hash != link.hash or link.record_hash not in (made.record_hash, None):
            return self.fail(expected, "its record or its hash was changed")
        if self.heads.get(expected, link.hash.hex()) != link.hash.hex():
            return self.fail(expected, "its hash is not the one that was noted outside")
        self.position, self.hash = expected, link.hash
        return True

    def end(self, *heads: tuple[int, str]) -> None:
        """Check the end against heads noted elsewhere: (position, hash in hex)."""
        for position, hash_ in (*heads, *self.heads.items()):
            if self.first_bad is not None:
                return
            if position > self.position:
                self.fail(self.position + 1, f"it is missing: the chain once reached #{position}")
            elif position == self.position and hash_ != self.hash.hex():
                self.fail(position, "its hash is not the one that was noted outside")

    def fail(self, position: int, why: str) -> bool:
        """Note the first bad position."""
        self.first_bad, self.why = position, why
        return False

    def verdict(self) -> Verdict:
        """Give what was found; `checked` counts the records that hold."""
        return Verdict(
            checked=self.position,
            first_bad=self.first_bad,
            why=self.why,
            position=self.position,
            hash=self.hash.hex(),
        )
