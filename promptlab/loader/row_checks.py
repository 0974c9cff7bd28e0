"""Holds the checks that rows bring with them, while the rows are read for the first time."""

from promptlab.core.frozen import frozen
from promptlab.engine.check_reading import row_checks
from promptlab.loader.problems import Position, Problems
from promptlab.schemas.dataset import Row


@frozen
class RowChecks:
    """Called with each row; reports what is wrong with its `$checks`."""

    problems: Problems

    def __call__(self, row: Row) -> None:
        if not row.checks:
            return
        try:
            row_checks(row.checks)
        except ValueError as error:
            hint = "write checks as in a pipeline, without python, expression, when and transform"
            self.problems.add(row.file, Position(row.line, 1), f"$checks: {error}", code="check", hint=hint)
