"""Checks data files and templates that no pipeline uses: each by itself."""

from promptlab.loader.dataset import Dataset
from promptlab.loader.files import ProjectFiles
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Problems
from promptlab.loader.prompts import PromptReader
from promptlab.loader.resolver import ProjectResolver
from promptlab.loader.row_checks import RowChecks
from promptlab.loader.scope import Scope
from promptlab.loader.sources import FileError
from promptlab.loader.template_places import Site, TemplatePlaces
from promptlab.schemas.dataset import DatasetSpec


def check_data(files: ProjectFiles, path: str, problems: Problems) -> int:
    """Hold a data file's rows to each other; give how many there are."""
    try:
        scan = Dataset(files, DatasetSpec(path), alone=True).scan(problems, RowChecks(problems))
    except FileError as error:
        problems.add(path, None, error.message, code=error.code, hint=error.hint)
        return 0
    return scan.rows if scan is not None else 0


def check_template(files: ProjectFiles, path: str, problems: Problems, memory: LoadingMemory) -> None:
    """Hold a template to the `inputs` of its front matter, and try to render it."""
    reader: PromptReader = ProjectResolver(files, problems).prompts
    try:
        prompt = reader.read(path)
    except FileError as error:
        problems.add(path, None, error.message, code=error.code, hint=error.hint)
        return
    scope = Scope({name: entry.spec for name, entry in prompt.front.inputs.items()})
    places, site = TemplatePlaces(files, problems, reader.line_offsets, memory), Site(prompt.template)
    analysis = places.analysis(site)
    for found, objection in scope.objections(analysis):
        places.object_to(site, found, objection)
    places.try_all()
