"""The page's parts and its server, without a browser."""

import asyncio
import socket
from threading import Event, Semaphore

import gradio as gr
import httpx
import pytest

from p2w.page.layout import _Acts, page
from p2w.page.server import HOME, POLICY, WAITING, Policy, check_address, serve


def test_what_takes_input_has_a_label_and_two_things_have_a_name_for_programs(desk):
    blocks = page(desk)
    kinds = gr.Textbox | gr.File | gr.Slider | gr.Radio
    assert all(part.label for part in blocks.blocks.values() if isinstance(part, kinds))
    named = {fn.api_name for fn in blocks.fns.values() if fn.api_visibility == "public"}
    assert named == {"generate", "ask"}


def test_what_is_wrong_is_one_line_whose_marks_are_text(desk, tmp_path):
    (tmp_path / "a.csv").write_text("<b>,c\n1,2\n")
    acts = _Acts(desk)
    for call, message in (
        (lambda: acts.generate("", "", str(tmp_path / "a.csv"), ""), "file: found columns &lt;b&gt;, c; expected"),
        (lambda: acts.generate("", " ", None, ""), "prompts: found no prompts"),
        (lambda: next(acts.ask("nobody", 1, "why?", 1.0, 5)), "adapter 1: it is not here any more"),
    ):
        with pytest.raises(gr.Error) as refused:
            call()
        assert refused.value.message.startswith(message)
        assert "\n" not in refused.value.message


def test_who_comes_again_finds_the_last_adapter_and_somebody_else_none(desk):
    acts = _Acts(desk)
    visitor, number, first, *_shown = acts.generate("", "is a stone heavy\nis it\n", None, "")
    assert first == "is a stone heavy"
    assert acts.come_again(visitor)[:2] == [visitor, number]
    guessed, none, *_nothing = acts.come_again(visitor[:-1])
    assert (guessed == visitor[:-1], none) == (False, None)


def test_every_answer_tells_the_browser_to_fetch_nothing_from_elsewhere():
    sent = []

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"c"})

    async def send(message):
        sent.append(message)

    asyncio.run(Policy(app)({}, None, send))
    assert sent[0]["headers"] == [(b"a", b"b"), (b"content-security-policy", POLICY.encode())]
    assert sent[1] == {"type": "http.response.body", "body": b"c"}
    assert not [word for word in POLICY.split() if "//" in word or word == "*"]


def test_an_address_that_is_taken_or_none_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=rf"127\.0\.0\.1:{port}: .*in use.*choose another with --host, --port"):
            check_address("127.0.0.1", port)
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:70000: .*choose another with --host, --port"):
        check_address("127.0.0.1", 70000)


@pytest.mark.long
def test_a_visitor_too_many_is_told_so(monkeypatch):
    """Two are served and forty wait; the next is the one too many."""
    begun, free = Semaphore(0), Event()

    def generate(*_):
        begun.release()
        free.wait(60)

    monkeypatch.setattr("p2w.page.desk.Desk.generate", generate)
    with socket.create_server((HOME, 0)) as taken:
        port = taken.getsockname()[1]
    blocks = serve("pocket", None, HOME, port, open_browser=False)
    (number,) = [number for number, fn in blocks.fns.items() if fn.api_name == "generate"]

    def come(visitor):
        given = {"data": ["", "Is a stone heavy?", None, ""], "fn_index": number, "session_hash": f"visitor {visitor}"}
        return httpx.post(f"http://{HOME}:{port}/gradio_api/queue/join", json=given)

    try:
        for visitor in ("first", "second"):
            assert come(visitor).is_success
            assert begun.acquire(timeout=60)
        assert all(come(visitor).is_success for visitor in range(WAITING))
        told = come("last")
        assert (told.status_code, "Queue is full" in told.text) == (503, True)
    finally:
        free.set()
        blocks.close()
