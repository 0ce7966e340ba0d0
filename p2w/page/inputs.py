"""What people put into the page, read within limits: it may be anybody, and anything."""

from pathlib import Path

from p2w.using.prompt_files import check_prompts, read_prompts

# Kinds of files whose rows are no larger than the file: a parquet file of a megabyte may hold a terabyte.
SUFFIXES = (".txt", ".csv", ".tsv", ".json", ".jsonl")
MOST_BYTES = 4 * 2**20  # of a file or a text
MOST_PROMPTS = 10_000
LONGEST = 20_000  # characters of a prompt or a question
MOST_TOKENS = 256  # of an answer


def prompts_from(text: str, file: str | None) -> list[str]:
    """The prompts that were pasted, one per line, and those of a file.

    Raises ValueError: none, too many, too long, or a file that is none of prompts; names what was found.
    """
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    found = check_prompts([*lines, *(_of_file(Path(file)) if file else ())], "prompts")
    if len(found) > MOST_PROMPTS:
        raise ValueError(f"prompts: found {len(found)}, expected at most {MOST_PROMPTS}")
    if longest := [prompt for prompt in found if len(prompt) > LONGEST]:
        raise ValueError(f"prompts: found one of {len(longest[0])} characters, expected at most {LONGEST}")
    return found


def question_from(text: str) -> str:
    """A question; ValueError when there is none, or too long a one."""
    if not (text or "").strip():
        raise ValueError("question: found nothing, expected a text")
    if len(text) > LONGEST:
        raise ValueError(f"question: found {len(text)} characters, expected at most {LONGEST}")
    return text.strip("\n")


def _of_file(path: Path) -> list[str]:
    """Named in messages without its folder, which is the server's."""
    size = path.stat().st_size
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"file: found one of kind {path.suffix!r}, expected one of {', '.join(SUFFIXES)}")
    if size > MOST_BYTES:
        raise ValueError(f"file: found {size} bytes, expected at most {MOST_BYTES}")
    try:
        return read_prompts(path)
    except (ValueError, RecursionError) as error:
        raise ValueError(str(error).replace(str(path), "file")) from None
