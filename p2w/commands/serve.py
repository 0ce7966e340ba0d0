"""A page in the browser: prompts in, an adapter out, its answers beside the base model's."""

import argparse
import importlib.util

from p2w.page.server import HOME, serve
from p2w.runtime.progress import say

EXAMPLES = """\
examples:
  p2w serve                                        # http://127.0.0.1:7860, for this machine only
  p2w serve --generator results/pocket/generator --port 8000 --no-open
  ssh -L 7860:127.0.0.1:7860 the-gpu-machine       # from elsewhere, without opening it to the network
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--generator", default="pocket", help="`pocket` or `smollm2`, which come with P2W, a folder or an id on the Hub"
    )
    parser.add_argument("--base", metavar="FOLDER", help="base model, where it is not where the generator says")
    parser.add_argument("--host", default=HOME, help=f"address to listen at (default {HOME}: this machine only)")
    parser.add_argument("--port", type=int, default=7860, help="(default 7860)")
    parser.add_argument("--no-open", action="store_true", help="do not open a browser")


def work(args: argparse.Namespace) -> None:
    """Serve until it is interrupted."""
    if importlib.util.find_spec("gradio") is None:
        raise ValueError("gradio: it is not installed; pip install 'p2w[page]'")
    from transformers.utils import logging

    logging.disable_progress_bar()
    if args.host not in (HOME, "localhost", "::1"):
        say(f"warning: {args.host}: whoever reaches this machine can use the page, which asks for no password")
    say(f"loading {args.generator}")
    app = serve(args.generator, args.base, args.host, args.port, not args.no_open)
    print(f"http://{args.host}:{args.port}  (Ctrl-C ends it)", flush=True)
    app.block_thread()
