"""What can be wrong with an expression: when it is saved, and when it is evaluated."""


class ExpressionProblem(ValueError):
    """The source cannot be used; the message says why and how to put it right.

    Args:
        code: `expression_syntax`, `expression_unknown_name`, `expression_type`,
            `expression_integer`, `expression_optional`, `expression_steps`,
            `expression_too_long`, `expression_too_deep`, `expression_function` or
            `template_syntax`.
        line, column: counted from 1, in the source of the expression.
    """

    def __init__(self, code: str, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"{self.message} (line {self.line}, column {self.column})"


class ExpressionError(Exception):
    """The evaluation gave no value.

    Args:
        code: `expression_failed`, `expression_not_boolean`, `expression_too_large`,
            `expression_not_json`, or `undo_incomplete`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
