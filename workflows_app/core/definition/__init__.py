"""The definition format 1: its models, checks, digest, differences and expansion."""
