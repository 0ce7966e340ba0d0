"""What is scored."""

from pydantic import Field

from p2w.config.settings import Count, Settings


class EvaluationConfig(Settings):
    """What is scored, for every source alike."""

    max_rows: Count = Field(description="test rows at most, a seeded choice")
    batch_tokens: Count = Field(description="tokens computed at once over all adapters")
    option_text: bool = Field(False, description="likelihoods of the options' own texts too")


class Evaluation(EvaluationConfig):
    """What is scored, and which adapters."""

    draws: Count = Field(description="generated adapters per held-out task")
    trained: bool = Field(True, description="every training task's adapter too, which grows as tasks squared")
