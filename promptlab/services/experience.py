"""What the log knows of models from their answers: how long these were, and how long they took."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from promptlab.engine.places import place_of
from promptlab.models import Completion, Run, StepRun, Trial
from promptlab.schemas.plan import Experience, Mean
from promptlab.services.trials import ORDER

LAST_ANSWERS = 20_000
LAST_RUNS = 3
MOST_STEPS = 2_000

type Sample = tuple[float, float, int]


class ExperienceService:
    """Reads the newest part of a log, so that a long one takes no longer."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def gather(self, pipeline: str, models: Iterable[str]) -> Experience:
        """Give what is known of models (`provider/model`), and of the steps of a pipeline."""
        known = {name: mean for name in models if (mean := self._of_model(name)) is not None}
        return Experience(known, self._of_steps(pipeline))

    def _of_model(self, name: str) -> Mean | None:
        provider, _, model = name.partition("/")
        newest = self._session.execute(select(func.max(Completion.id))).scalar() or 0
        count, tokens, latency, longest = self._session.execute(
            select(
                func.count(),
                func.avg(Completion.output_tokens),
                func.avg(Completion.latency_ms),
                func.max(Completion.output_tokens),
            ).where(
                Completion.id > newest - LAST_ANSWERS,
                Completion.provider == provider,
                Completion.model == model,
            )
        ).one()
        return Mean(tokens, latency, longest, count) if count else None

    def _of_steps(self, pipeline: str) -> dict[tuple[str, str], Mean]:
        runs = select(Run.id).where(Run.pipeline == pipeline).order_by(Run.id.desc()).limit(LAST_RUNS)
        query = (
            select(StepRun.step, StepRun.model, StepRun.output_tokens, StepRun.latency_ms, StepRun.calls)
            .join(Trial, Trial.id == StepRun.trial_id)
            .where(Trial.run_id.in_(runs), StepRun.model.is_not(None))
            .order_by(*(column.desc() for column in (Trial.run_id, *ORDER)))
            .limit(MOST_STEPS)
        )
        samples = defaultdict[tuple[str, str], list[Sample]](list)
        for step, model, tokens, latency, calls in self._session.execute(query):
            answers = sum(completion_id is not None for _, completion_id, *_ in calls)
            if answers:
                samples[place_of(step), model or ""].append((tokens, latency, answers))
        return {key: _mean(found) for key, found in samples.items()}


def _mean(samples: list[Sample]) -> Mean:
    answers = sum(count for *_, count in samples)
    tokens = sum(tokens for tokens, *_ in samples)
    latency = sum(latency for _, latency, _ in samples)
    longest = max(int(tokens) for tokens, *_ in samples)
    return Mean(tokens / answers, latency / answers, longest, answers)
