"""The page itself, in Gradio."""

import json
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr

from p2w.page.desk import STRONGEST, Desk
from p2w.page.inputs import MOST_TOKENS, SUFFIXES
from p2w.page.views import adapter_view, label

ABOUT = """# P2W: prompt to weights
Give it prompts of a task, without answers. It makes a LoRA adapter for the task, in PEFT's format,
and trains nothing."""
NONE_YET = "<p class='p2w-more'>No adapter yet: it will be described here.</p>"
STYLE = """
.p2w-bars {width: 100%; border: none !important; border-collapse: collapse; font-size: 0.92em;
  margin: 1.2em 0 0 !important}
.p2w-bars caption {text-align: left; font-weight: 600; padding-bottom: 0.4em}
.p2w-bars tr, .p2w-bars th, .p2w-bars td {border: none !important; background: none !important}
.p2w-bars th {text-align: left; font-weight: normal; padding: 0.15em 0.8em 0.15em 0 !important; overflow-wrap: anywhere}
.p2w-bars td {padding: 0.15em 0 !important}
.p2w-bars .p2w-value {text-align: right; font-variant-numeric: tabular-nums; padding-right: 0.8em !important}
.p2w-bars .p2w-bar {width: 50%}
@media (max-width: 500px) {.p2w-bars .p2w-bar {width: 25%}}
.p2w-bars i {display: block; height: 0.7em; border-radius: 2px; background: #3b8fd0}
.p2w-warning {border-left: 4px solid #d55e00; padding: 0.2em 0.8em; margin: 0 0 0.8em}
.p2w-more {opacity: 0.75; margin-top: 0.2em}
"""
FONTS = ["system-ui", "-apple-system", "Segoe UI", "sans-serif"], ["ui-monospace", "Menlo", "monospace"]


def theme() -> gr.themes.Base:
    """Fonts that are on the machine, so that none is fetched."""
    text, code = FONTS
    return gr.themes.Default(font=text, font_mono=code, primary_hue="blue")


def page(desk: Desk) -> gr.Blocks:
    """The page of a desk."""
    examples = desk.generator.settings.examples
    with gr.Blocks(title="P2W", analytics_enabled=False, delete_cache=(600, 3600)) as blocks:
        visitor, chosen = gr.BrowserState("", storage_key="p2w"), gr.State(None)
        gr.Markdown(ABOUT)
        with gr.Row(equal_height=False):
            with gr.Column():
                text = gr.Textbox(label="Prompts, one per line", lines=6, max_lines=12, placeholder=(*examples, "")[0])
                file = gr.File(label="or a file of them", file_types=list(SUFFIXES), height=140)
                with gr.Row():
                    fill = gr.Button("Use an example", visible=bool(examples))
                    make = gr.Button("Generate an adapter", variant="primary")
                with gr.Group(visible=False) as asking:
                    question = gr.Textbox(label="A question", lines=2, placeholder="one that it was not made from")
                    with gr.Row():
                        strength = gr.Slider(0, STRONGEST, 1, step=0.05, label="Adapter's strength", min_width=150)
                        tokens = gr.Slider(1, MOST_TOKENS, 48, step=1, label="Tokens at most", min_width=150)
                    put = gr.Button("Ask both", variant="primary")
                    with gr.Row():
                        plain = gr.Textbox(label="The base model says", lines=3, interactive=False, min_width=150)
                        adapted = gr.Textbox(label="With the adapter", lines=3, interactive=False, min_width=150)
            with gr.Column():
                kept = gr.Radio([], label="Your adapters in this session", visible=False)
                about = gr.HTML(NONE_YET, label="The adapter")
                save = gr.DownloadButton("Download it (zip, for PEFT)", visible=False)

        acts = _Acts(desk)
        described = [kept, about, save, asking]
        # By the browser: who presses the next button at once has the text.
        fill.click(None, None, text, js=f"() => {json.dumps(chr(10).join(examples))}", api_visibility="private")
        made = [visitor, chosen, question, *described]
        make.click(acts.generate, [visitor, text, file, question], made, api_name="generate", concurrency_limit=2)
        kept.input(acts.show, [visitor, kept], [chosen, about, save], api_visibility="private")
        given, said = [visitor, chosen, question, strength, tokens], [plain, adapted]
        gr.on([put.click, question.submit], acts.ask, given, said, api_name="ask", concurrency_limit=2)
        blocks.load(acts.come_again, visitor, [visitor, chosen, *described], api_visibility="private")
    return blocks


class _Acts:
    """What the events call: a desk's work, as values of the page's parts."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def generate(self, visitor: str, text: str, file: str | None, question: str) -> list[Any]:
        visitor = self.desk.histories.known(visitor)
        number = _said(lambda: self.desk.generate(visitor, text, file))
        first = question or (text.strip().splitlines() or [""])[0]
        return [visitor, number, first, *self._described(visitor, number)]

    def show(self, visitor: str, number: int) -> list[Any]:
        return [number, *self._described(visitor, number)[1:3]]

    def ask(self, visitor: str, number: int, question: str, strength: float, tokens: int) -> Iterator[list[str]]:
        answers = self.desk.ask(visitor, number, question, float(strength), int(tokens))
        while (said := _said(lambda: next(answers, None))) is not None:
            yield said

    def come_again(self, visitor: str) -> list[Any]:
        visitor = self.desk.histories.known(visitor)
        number = max(self.desk.histories.of(visitor), default=None)
        return [visitor, number, *(self._described(visitor, number) if number else [gr.skip()] * 4)]

    def _described(self, visitor: str, number: int) -> list[Any]:
        """The list with one chosen, what there is to say of it, its download, the part that asks."""
        made = _said(lambda: self.desk.made(visitor, number))
        names = [(label(other, entry.adapter), other) for other, entry in self.desk.histories.of(visitor).items()]
        return [
            gr.Radio(names, value=number, visible=True),
            adapter_view(made),
            gr.DownloadButton(value=made.packed, visible=True),
            gr.Group(visible=True),
        ]


def _said(act: Callable[[], Any]) -> Any:
    """Result of `act`; what is wrong with a visitor's input is shown in the page, in one line."""
    try:
        return act()
    except ValueError as error:
        raise gr.Error(escape(str(error)), print_exception=False, title="That did not work") from None
