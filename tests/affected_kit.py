"""A project of several pipelines in a git repository, and what a change in it touches."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

from promptlab.live.affected.finding import Finding, Since, find_affected
from promptlab.loader.changes import NO_CHANGES, Changes
from promptlab.loader.files import ProjectFiles
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.pipeline_rows import UNFED
from promptlab.loader.problems import Problems
from promptlab.loader.project import open_project
from promptlab.schemas.affected import PipelineChange

type Edit = Callable[["Repository"], object]

IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}

FILES: Mapping[str, str] = {
    "promptlab.yaml": """
        version: 1
        model: echo/one
    """,
    ".gitignore": """
        .promptlab/
        __pycache__/
        *.local.jsonl
    """,
    "pipelines/triage.yaml": """
        # sorts tickets
        version: 1
        inputs:
          ticket: string
          tier: {type: string, default: free}
        dataset: data/tickets.jsonl
        params: {temperature: 0}
        variants:
          plain: {}
          strict: {steps: {reply: {prompt: prompts/strict.j2}}}
        steps:
          - id: classify
            prompt: prompts/classify.j2
            output: {enum: [billing, technical, account]}
            checks:
              - {type: equals, value: "{{ label }}", name: label}
          - id: reply
            when: classify.output != 'account'
            prompt: prompts/reply.j2
            output: text
            checks:
              - not-contains: As an AI
        outputs: {label: "{{ classify.output }}", reply: "{{ reply.output | default(none) }}"}
        checks: [{contains: reply}]
        gates: [{metric: pass_rate, min: 0.5}, {metric: pass_rate, max: 1}]
        limits: {cost_usd: 1}
        tags: [support]
    """,
    "prompts/classify.j2": """
        ---
        description: Sorts.
        ---
        {% system %}{% include "_rules.j2" %}{% endsystem %}
        {% user %}
        {{ ticket }}
        {% if tier == 'pro' %}This is a pro customer.{% endif %}
        {% enduser %}
    """,
    "prompts/_rules.j2": "Be short. {# a note #}",
    "prompts/reply.j2": """
        Answer {{ ticket }} as {{ classify.output }}.
    """,
    "prompts/strict.j2": """
        Answer strictly: {{ ticket }} as {{ classify.output }}.
    """,
    "data/tickets.jsonl": """
        {"id": "a", "ticket": "pay", "label": "billing", "note": "x"}
        {"id": "b", "ticket": "crash", "tier": "pro", "label": "technical", "note": "x"}
        {"id": "c", "ticket": "both", "label": "billing", "note": "x"}
    """,
    "pipelines/orders.yaml": """
        version: 1
        inputs: {order: string}
        dataset: data/orders.csv
        steps:
          - id: look_up
            python: tools/orders.py:status
            with: {order: "{{ order }}"}
          - id: tell
            messages:
              - {role: system, content: Be kind.}
              - {role: user, content: "Tell {{ order }}: {{ look_up.output }}"}
            checks:
              - python: tools/judge.py:fair
    """,
    "tools/orders.py": '''
        """Orders."""

        from pathlib import Path

        from shared import clean

        STATES = Path(__file__).parent.parent / "data" / "states.csv"


        def status(order: str) -> str:
            return clean(STATES.read_text().partition(order)[2])


        def unused() -> int:
            return 1
    ''',
    "tools/shared.py": '''
        """Shared."""


        def clean(text: str) -> str:
            return text.strip()
    ''',
    "tools/judge.py": '''
        """Judges."""


        def fair(output: str, hint: str = "") -> bool:
            return output != hint
    ''',
    "data/states.csv": "A1 sent\nB2 lost\n",
    "data/orders.csv": "id,order,hint,other\nA1,A1,no,x\nB2,B2,no,x\n",
    "pipelines/loop.yaml": """
        version: 1
        inputs: {words: array, title: {type: string, default: none}}
        dataset:
          - {id: one, words: [red, blue], title: colours}
          - {id: two, words: [dog]}
        matrix: {params.temperature: [0, 1]}
        steps:
          - id: each
            foreach: words
            as: word
            steps:
              - id: say
                messages: [{role: user, content: "Say {{ word }}"}]
              - id: shout
                messages: [{role: user, content: "Shout {{ say.output }}"}]
            outputs: "{{ shout.output }}"
          - id: sum_up
            pipeline: pipelines/polish.yaml
            with: {text: "{{ each.output | join(' ') }}", title: "{{ title }}"}
    """,
    "pipelines/polish.yaml": """
        version: 1
        inputs: {text: string, title: string}
        steps:
          - id: polish
            messages: [{role: user, content: "Polish {{ text }}"}]
            checks: [{contains: "{{ title }}"}]
        outputs: {polished: "{{ polish.output }}"}
    """,
    "pipelines/letters.yaml": """
        version: 1
        inputs: {letter: file, word: string}
        dataset:
          - {id: one, letter: data/one.txt, word: one}
          - {id: two, letter: data/two.txt, word: two}
        repeat: 2
        steps:
          - id: read
            prompt: prompts/read.j2
          - id: after
            messages: [{role: user, content: "{{ read.output }} {{ text(letter) }}"}]
    """,
    "prompts/read.j2": """
        {{ text('data/intro.txt') }} {{ text(letter) }} {{ word }}
    """,
    "data/intro.txt": "Read this.\n",
    "data/one.txt": "One.\n",
    "data/two.txt": "Two.\n",
    "docs/notes.txt": "Nothing.\n",
}


class Repository:
    """A git repository at `root`; the project lies in `folder` of it."""

    def __init__(self, root: Path, folder: str = "") -> None:
        self.root = root
        self.project = root / folder

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **IDENTITY},
        )
        return done.stdout.strip()

    def start(self, files: Mapping[str, str] = FILES) -> "Repository":
        """Begin the repository with these files, committed."""
        self.project.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", "--template=")
        for path, text in files.items():
            self.write(path, dedent(text).lstrip("\n"))
        self.commit()
        return self

    def commit(self) -> str:
        """Commit all that there is; give the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Change")
        return self.git("rev-parse", "HEAD")

    def write(self, path: str, text: str) -> None:
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.project / path).read_text()
        assert old in text, (path, old)
        self.write(path, text.replace(old, new, 1))

    def append(self, path: str, text: str) -> None:
        self.write(path, (self.project / path).read_text() + text)

    def remove(self, path: str) -> None:
        (self.project / path).unlink()

    def move(self, path: str, to: str) -> None:
        (self.project / path).rename(self.project / to)

    def loaded(self) -> list[LoadedPipeline]:
        """Load all pipelines but those that others alone can run."""
        project, problems = open_project(root=self.project), Problems()
        with LoadingMemory() as memory:
            found = [
                check_pipeline(ProjectFiles(self.project), path, project.targets(), problems, memory=memory)
                for path in project.pipelines()
            ]
        assert [problem.message for problem in problems if problem.code != UNFED] == []
        return [one for one in found if one is not None]

    def find(self, ref: str = "HEAD", *, changes: Changes = NO_CHANGES) -> Finding:
        project = open_project(root=self.project)
        return find_affected(project, self.loaded(), Since(ref=ref, changes=changes, with_removed=True))

    def told(self, ref: str = "HEAD") -> dict[str, str]:
        """Give what is affected in lines that are easily compared: `pipeline cell step: effect rows`."""
        found = self.find(ref).affected.pipelines
        return dict(line for one in found for line in _lines(one))

    def reasons(self, ref: str = "HEAD") -> set[str]:
        changes = [change for one in self.find(ref).affected.pipelines for change in one.changes]
        return {why.text for change in changes for why in change.why}


def _lines(one: PipelineChange) -> Iterator[tuple[str, str]]:
    if one.status == "removed":
        yield one.pipeline, "removed"
    for change in one.changes:
        rows = "all" if len(change.rows) == change.of else " ".join(row_id for _, row_id in change.rows)
        place = f"{one.pipeline} {change.cell} {change.step or '-'} {change.effect}"
        yield place, rows
    if one.removed_rows:
        yield f"{one.pipeline} removed rows", " ".join(one.removed_rows)
    if one.removed_cells:
        yield f"{one.pipeline} removed cells", " ".join(one.removed_cells)
    for was, now in one.renamed.items():
        yield f"{one.pipeline} renamed", f"{was} → {now}"
