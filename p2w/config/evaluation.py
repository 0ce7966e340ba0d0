"""What is scored."""

from pydantic import Field

from p2w.config.scoring import Score
from p2w.config.settings import Count, Settings


class EvaluationConfig(Settings):
    """What is scored, for every source alike."""

    max_rows: Count = Field(description="test rows at most, a seeded choice")
    batch_tokens: Count = Field(description="tokens computed at once over all adapters")
    option_text: bool = Field(False, description="likelihoods of the options' own texts too")
    execute_code: bool = Field(False, description="whether code that a model wrote may be run, to score it")


class Evaluation(EvaluationConfig):
    """What is scored, and which adapters."""

    draws: Count = Field(description="generated adapters per held-out task")
    trained: bool = Field(True, description="every training task's adapter too, which grows as tasks squared")
    multi_task_samples: Count | None = Field(None, description="labelled samples that `multi_task_long` sees")


class FreeAnswers(Settings):
    """How the free answers of a task are taken and scored; the defaults are for a file of questions of one's own."""

    score: Score = Score(kind="normalized")
    max_new_tokens: Count = Field(64, description="tokens that an answer has at most, the end of the turn included")
