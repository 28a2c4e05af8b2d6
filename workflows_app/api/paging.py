"""Keyset paging, under the name that routers know it by."""

from workflows_app.selectors.paging import page

__all__ = ["page"]
