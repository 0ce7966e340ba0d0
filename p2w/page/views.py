"""What the page says of an adapter, as HTML: every text in it is escaped, for prompts come from anybody."""

from collections.abc import Mapping
from html import escape

from p2w.page.history import Made
from p2w.using.adapter import Adapter

BARS = 8  # training tasks that are shown


def adapter_view(made: Made) -> str:
    """Warnings, what it was made from, and how near its prompts are to the training tasks."""
    record, base = made.adapter.record, made.adapter.config["base_model_name_or_path"]
    parts = [
        *(f'<p class="p2w-warning" role="alert">{escape(warning)}</p>' for warning in record["warnings"]),
        f"<p>Made from {_prompts(made.adapter)} in {made.seconds:.2f} s, for <code>{escape(str(base))}</code>.</p>",
        bars("How like the prompts are to those of training tasks (cosine)", record["nearest"]),
    ]
    if record.get("made_of"):
        parts.append(bars("How much of each training task's adapter is in it", record["made_of"]))
    return "".join(parts)


def bars(title: str, values: Mapping[str, float]) -> str:
    """The largest of some numbers as a table, for who listens, with a bar in each row, for who looks."""
    largest = sorted(values.items(), key=lambda item: -item[1])[:BARS]
    top = max([value for _, value in largest] + [1e-9])
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="p2w-value">{value:.2f}</td>'
        f'<td class="p2w-bar" aria-hidden="true"><i style="width:{max(0.0, 100 * value / top):.0f}%"></i></td></tr>'
        for name, value in largest
    )
    more = f"<p class='p2w-more'>and {len(values) - len(largest)} more</p>" if len(values) > len(largest) else ""
    return f'<table class="p2w-bars"><caption>{escape(title)}</caption><tbody>{rows}</tbody></table>{more}'


def label(number: int, adapter: Adapter) -> str:
    """An adapter in a list."""
    return f"{number}: {_prompts(adapter)}, like {next(iter(adapter.record['nearest']))}"


def _prompts(adapter: Adapter) -> str:
    count = adapter.record["prompts"]["count"]
    return f"{count} prompt{'' if count == 1 else 's'}"
