"""`make bench`: what a durable step costs here, and in other engines on the same database."""
