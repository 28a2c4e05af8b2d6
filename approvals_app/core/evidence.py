"""How much past answers prove: the lower bound of agreement, and what follows from it."""

import math

Z95 = 1.959964  # of the normal distribution, two-sided 95%
ENOUGH = 100
FEW = 20
RELAX_FROM = 0.95
TIGHTEN_BELOW = 0.85


def wilson_lower(agreed: int, total: int) -> float:
    """Give the lower end of the 95% Wilson interval of a share; 0 where nothing is known."""
    if total == 0:
        return 0.0
    share = agreed / total
    spread = Z95 * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    low = (share + Z95**2 / (2 * total) - spread) / (1 + Z95**2 / total)
    return max(0.0, low)


def suggestion(*, agreed: int, total: int, risk: str) -> tuple[str, str]:
    """Give `relax`, `tighten`, `keep` or `wait`, with words; critical gates never relax."""
    if total >= FEW and agreed / total < TIGHTEN_BELOW:
        return "tighten", "Tighten: people often disagree"
    if total < ENOUGH:
        return "wait", f"Not enough evidence yet, {total} of {ENOUGH}"
    if risk != "critical" and wilson_lower(agreed, total) >= RELAX_FROM:
        return "relax", "Could ask less: simulate it"
    return "keep", "Keep as it is"
