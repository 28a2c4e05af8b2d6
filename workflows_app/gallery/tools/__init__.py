"""The sample tools: deterministic, without a network, and acting on sample tables only.

Importing this package registers them all.
"""

from workflows_app.gallery.tools import goods, money, papers, people, rows

__all__ = ["goods", "money", "papers", "people", "rows"]
