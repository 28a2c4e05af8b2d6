"""Encrypting secrets at rest: the product's one way to do it."""

from workflows_app.sealing import SealBroken, seal, unseal

__all__ = ["SealBroken", "seal", "unseal"]
