"""How the work is divided into jobs."""

from pydantic import Field

from p2w.config.settings import Count, Settings


class Jobs(Settings):
    """How the work is divided into jobs, which is no part of what comes out; without it every small thing is one."""

    finetune: Count | None = Field(
        None, description="tasks whose epochs one job trains, one after the other, and whose tables another makes"
    )
    embeddings: Count | None = Field(
        None, description="tasks whose prompts one job encodes, and whose centroids one makes"
    )
    draws: Count | None = Field(None, description="draws of a task for which one job makes the adapters")
