"""Looking for parts that need not be there."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def attribute_of(module: str, name: str) -> Any:
    """Return an attribute of a module, or None where there is no such module.

    A module that exists and cannot be imported still raises: only absence is forgiven.
    """
    if find_spec(module) is None:
        return None
    return getattr(import_module(module), name)
