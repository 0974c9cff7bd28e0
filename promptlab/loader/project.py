"""A project: its root, its files, its settings, and the pipelines in it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from promptlab.core.config import Settings, SettingsFile, settle, user_config_path
from promptlab.core.environment import Environment, read_dotenv
from promptlab.core.errors import NotFound, UsageError
from promptlab.core.frozen import frozen
from promptlab.core.suggest import did_you_mean
from promptlab.engine.providers.factory import build_provider
from promptlab.engine.targets import Targets
from promptlab.loader.document import parse_yaml
from promptlab.loader.files import ProjectFiles, find_root
from promptlab.loader.problems import Problems
from promptlab.loader.sources import FileError, Source

SETTINGS = "promptlab.yaml"
PIPELINES = "pipelines"
YAML = (".yaml", ".yml")


@frozen
class Project:
    root: Path
    files: ProjectFiles
    settings: Settings

    def targets(self, model: str | None = None) -> Targets:
        """Give what finds the models of steps; `model` is what --model says."""
        return Targets(
            lambda name: build_provider(name, self.settings),
            asked=model,
            default=self.settings.model,
            judge_by_default=self.settings.judge,
        )

    def pipelines(self) -> list[str]:
        """Give the paths of all pipelines, sorted."""
        found = self.files.list(PIPELINES)
        return [f"{PIPELINES}/{name}" for name in found if PurePosixPath(name).suffix in YAML]

    def pipeline(self, reference: str, *, names: Callable[[], Mapping[str, str]] | None = None) -> str:
        """Give the path of the pipeline that is named by its path, or by its name; raises UsageError.

        `names` gives what `names()` does, if that is known already.
        """
        if PurePosixPath(reference).suffix in YAML or "/" in reference:
            return self.relative(reference)
        stems = {PurePosixPath(path).stem: path for path in self.pipelines()}
        wanted = reference.replace("-", "_")
        for stem, path in stems.items():
            if stem.replace("-", "_") == wanted:
                return path
        named = [path for path, name in (names or self.names)().items() if name == reference]
        if len(named) == 1:
            return named[0]
        if named:
            raise UsageError(
                f"'{reference}' is the name of {len(named)} pipelines: {', '.join(named)}",
                hint="name the file",
            )
        raise NotFound(f"there is no pipeline '{reference}'", hint=did_you_mean(reference, stems))

    def names(self) -> dict[str, str]:
        """Give the names that pipelines give themselves, by path."""
        files = ProjectFiles(self.root)  # what is looked at here is not what is loaded
        names = ((path, name_in(files, path)) for path in self.pipelines())
        return {path: name for path, name in names if name is not None}

    def relative(self, path: str) -> str:
        """Give a path as it was typed as one below the root; raises UsageError where it is not."""
        typed = Path(path)
        absolute = Path(os.path.abspath(typed))  # noqa: PTH100 - links are the loader's to follow
        for root in (self.root, Path(os.path.realpath(self.root))):
            if absolute.is_relative_to(root):
                return absolute.relative_to(root).as_posix()
        real = Path(os.path.realpath(typed))
        if real.is_relative_to(os.path.realpath(self.root)):
            return real.relative_to(os.path.realpath(self.root)).as_posix()
        raise UsageError(f"{path} lies outside the project {self.root}", hint="say --project DIR")


def name_in(files: ProjectFiles, path: str) -> str | None:
    """Give the name that a pipeline gives itself; None where there is none, or the file cannot be read."""
    try:
        text = files.read_text(path, Problems())
    except FileError:
        return None
    document = parse_yaml(path, text, Problems()) if text is not None else None
    value = document.value if document is not None else None
    name = value.get("name") if isinstance(value, dict) else None
    return name if isinstance(name, str) else None


def open_project(
    start: str | Path | None = None,
    *,
    root: str | Path | None = None,
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Project:
    """Open the project that `root` says, else that of the file or folder `start`, else that of here.

    Raises UsageError, and InvalidPipeline for what is wrong in promptlab.yaml.
    """
    folder = Path(root).absolute() if root is not None else find_root(Path(start) if start else Path.cwd())
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}")
    environment = Environment(environ if environ is not None else os.environ, read_dotenv(folder / ".env"))
    return _project(folder, ProjectFiles(folder), environment, flags)


def project_in(project: Project, source: Source) -> Project:
    """Give the project as it is in another tree of files: its own settings, in the same environment.

    Raises InvalidPipeline and FileError for a promptlab.yaml there that cannot be used.
    """
    return _project(project.root, ProjectFiles(source), project.settings.environment, None)


def _project(
    folder: Path, files: ProjectFiles, environment: Environment, flags: Mapping[str, str] | None
) -> Project:
    problems = Problems()
    file = read_settings(files, problems) if files.exists(SETTINGS) else None
    problems.raise_errors()
    return Project(folder, files, settle(file, environment=environment, user=_user_settings(), flags=flags))


def read_settings(files: ProjectFiles, problems: Problems, path: str = SETTINGS) -> SettingsFile | None:
    """Read a settings file; None where there are problems."""
    text = files.read_text(path, problems)
    document = None if text is None else parse_yaml(path, text, problems)
    if document is None:
        return None
    try:
        return SettingsFile.model_validate(document.value)
    except ValidationError as error:
        from promptlab.loader import diagnosis  # noqa: PLC0415 - most settings are right

        diagnosis.report(error, document, problems, SettingsFile)
        return None


def _user_settings() -> SettingsFile | None:
    path = user_config_path()
    if not path.is_file():
        return None
    problems = Problems()
    try:
        found = read_settings(ProjectFiles(path.parent), problems, path.name)
    except FileError as error:
        raise UsageError(str(error)) from None
    problems.raise_errors()
    return found
