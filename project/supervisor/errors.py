"""What can keep the product from starting."""


class CannotStart(Exception):
    """Starting is impossible; the message is one sentence that says what to do."""
