"""The page's server: on this machine only unless told otherwise, nothing fetched from elsewhere, all sizes bounded."""

import os
import socket
from collections.abc import Awaitable, Callable
from tempfile import TemporaryDirectory
from typing import Any

from p2w.page.inputs import MOST_BYTES

HOME = "127.0.0.1"
WAITING = 40  # visitors in the queue; who comes then is told so
# Gradio's page runs scripts of its own that are written into it; nothing of another server, whatever anybody types.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'self'"
)


class Policy:
    """ASGI middleware: the browser is told to fetch nothing from elsewhere."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        async def with_policy(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", []), (b"content-security-policy", POLICY.encode())]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, with_policy)


def check_address(host: str, port: int) -> None:
    """ValueError when nothing can listen there."""
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError) as error:
        raise ValueError(f"{host}:{port}: {error}; choose another with --host, --port") from error


def serve(generator: str, base: str | None, host: str, port: int, open_browser: bool) -> Any:
    """The running Gradio app, which `block_thread()` waits for and `close()` ends.

    Raises ValueError: the address is taken, no such generator, its base model is not here.
    """
    check_address(host, port)
    files = TemporaryDirectory(prefix="p2w-page-")
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": files.name}

    from starlette.middleware import Middleware

    from p2w.page.desk import Desk
    from p2w.page.layout import STYLE, page, theme
    from p2w.using.generator import Generator

    blocks = page(Desk(Generator.from_pretrained(generator), base))
    blocks.queue(max_size=WAITING).launch(
        **{"server_name": host, "server_port": port, "inbrowser": open_browser, "quiet": True, "share": False},
        **{"max_file_size": MOST_BYTES, "theme": theme(), "css": STYLE, "footer_links": [], "ssr_mode": False},
        **{"prevent_thread_lock": True, "pwa": False, "mcp_server": False, "enable_monitoring": False},
        app_kwargs={"middleware": [Middleware(Policy)]},
    )
    blocks.files = files  # deleted with it
    return blocks
