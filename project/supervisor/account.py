"""Under which account PostgreSQL runs: it refuses to be root."""

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from project.supervisor.errors import CannotStart

NOBODY = 65534
# A process that sees itself as an ordinary user, while its files stay the caller's.
USER_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
# The right to pass folders that are closed to others, so that nothing has to be opened for it.
PASS_FOLDERS = "-all,+dac_override,+dac_read_search"
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    f"--inh-caps={PASS_FOLDERS}",
    f"--ambient-caps={PASS_FOLDERS}",
    "--pdeathsig=INT",
    "--",
)


@dataclass(frozen=True, slots=True)
class Account:
    """How a server that refuses root is started; `owner` is who owns its folder, if not us."""

    prefix: tuple[str, ...] = ()
    owner: int | None = None

    def own(self, folder: Path) -> None:
        """Give a folder that we made, and nothing around it, to the account."""
        if self.owner is not None:
            os.chown(folder, self.owner, self.owner)


@cache
def account_find() -> Account:
    """Return the first way that works here: as we are, in a user namespace, as nobody.

    Raises:
        CannotStart: we are root and neither is allowed.
    """
    if os.geteuid() != 0:
        return Account()
    for account in (Account(USER_NAMESPACE), Account(AS_NOBODY, NOBODY)):
        if _works(account.prefix):
            return account
    raise CannotStart(
        "PostgreSQL does not run as root here: start the product as an ordinary user, "
        "or set DATABASE_URL to a server of yours."
    )


def _works(prefix: tuple[str, ...]) -> bool:
    try:
        probe = subprocess.run([*prefix, "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0
