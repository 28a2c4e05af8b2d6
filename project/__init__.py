"""Settings, entry points, roles and the supervisor."""
