"""Holds the checks that rows bring with them, while the rows are read for the first time."""

from promptlab.core.frozen import slotted
from promptlab.engine.check_reading import row_checks
from promptlab.loader.problems import Position, Problems
from promptlab.schemas.dataset import Row


@slotted
class RowChecks:
    """Called with each row; reports what is wrong with its `$checks`. `ask`: some of them ask a model."""

    problems: Problems
    ask: bool = False

    def __call__(self, row: Row) -> None:
        if not row.checks:
            return
        try:
            checks = row_checks(row.checks)
        except ValueError as error:
            hint = "write checks as in a pipeline, without python, expression, when and transform"
            self.problems.add(row.file, Position(row.line, 1), f"$checks: {error}", code="check", hint=hint)
            return
        self.ask = self.ask or any(check.worst_calls for _, check in checks)
