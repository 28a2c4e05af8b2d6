"""Forms made from the settings models: one engine for every kind and every attribute."""
