"""The one-command install: real servers and the product's own roles, started and watched.

Nothing here needs Django's apps, so that `serve` is up before they are loaded.
"""
