"""The files behind a change, found by what each of two runs was made from."""

from collections.abc import Iterable, Mapping

from promptlab.core.frozen import frozen
from promptlab.engine.plan import PlannedStep
from promptlab.engine.sources import functions_of, includes_of, prompt_of
from promptlab.services.logged_step import LoggedFile


@frozen
class FilesChanged:
    """`old`, `new`: the files of two runs, by path."""

    old: Mapping[str, LoggedFile]
    new: Mapping[str, LoggedFile]

    def template(self, planned: PlannedStep) -> tuple[str, ...]:
        """Give the files that the texts of a step stand in: its prompt, then pipelines."""
        prompt = prompt_of(planned.step)
        return self._changed((prompt,) if prompt is not None else ()) or self.of_kind("pipeline")

    def prompt(self, planned: PlannedStep) -> bool:
        """Say whether a step has a prompt that changed."""
        prompt = prompt_of(planned.step)
        return prompt is not None and bool(self._changed([prompt]))

    def includes(self, planned: PlannedStep) -> tuple[str, ...]:
        return self._changed(f"prompts/{name}" for name in sorted(includes_of(planned.step)))

    def code(self, planned: PlannedStep) -> tuple[str, ...]:
        return self._changed(
            sorted({path for function in functions_of(planned.step) for path, _ in function.files})
        )

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        return self._changed(path for path, file in sorted(self.new.items()) if file.kind in kinds)

    def named(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Give those of these files that changed."""
        return self._changed(paths)

    def _changed(self, paths: Iterable[str]) -> tuple[str, ...]:
        return tuple(path for path in paths if self.old.get(path) != self.new.get(path))
