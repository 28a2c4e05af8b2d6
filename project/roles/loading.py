"""Python's collector around the loading of a role, which makes much and throws nothing away."""

import gc


def collector_start() -> None:
    """Collect from here on, and leave alone what was loaded: it stays as long as the process."""
    gc.freeze()
    gc.enable()
