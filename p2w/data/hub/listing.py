"""What the Hub has at a revision."""

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HTTPError

from p2w.data.hub.calls import NOT_A_HUB, WrongAnswerError


def listing(kind: str, repo: str, revision: str) -> list[str]:
    """Names of a repository's files, sorted; WrongAnswerError unless it is the Hub that answers, for the revision.

    It fails at once where the client's download alone would try for minutes.
    """
    try:
        found = HfApi().repo_info(repo, repo_type=kind, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        names = sorted(file.rfilename for file in found.siblings or [])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, HTTPError):
            raise
        raise WrongAnswerError(f"found no list of files ({type(error).__name__}); {NOT_A_HUB}") from error
    if found.sha != revision or not names:
        raise WrongAnswerError(f"found {len(names)} files of revision {found.sha}, expected the pinned one")
    return names
