"""The page as its users see it: `p2w serve` with the generator that comes with P2W, in Chromium."""

import json
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
from gradio_client import Client
from playwright.sync_api import expect

from p2w.commands.ask import WIDTH
from p2w.page.server import WAITING
from tests.support.browser import serving

pytestmark = [pytest.mark.long, pytest.mark.browser, pytest.mark.xdist_group("page")]

PROMPTS = "Which of these can swim?\nA) fish B) stone\nAnswer with a letter."
QUESTION = "Is a stone heavy?"
SPEAKERS = ("The base model says", "With the adapter")


@pytest.fixture(scope="module")
def served():
    with serving() as found:
        yield found


@pytest.fixture
def visit(browser, served):
    """A function that opens the page anew; at the end, the console has no error and nothing left the machine."""
    said, asked, contexts = [], [], []

    def opened(**options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(served.address)
        expect(page.get_by_role("button", name="Generate an adapter")).to_be_visible(timeout=60_000)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith((served.address, "data:", "blob:"))] == []


def generate(page, prompts=PROMPTS):
    page.get_by_label("Prompts, one per line").fill(prompts)
    page.get_by_role("button", name="Generate an adapter").click()
    expect(page.get_by_text("Made from")).to_be_visible(timeout=60_000)


def answers(page):
    """What the base model and the adapted one have said, once nothing is added any more."""
    page.get_by_role("button", name="Ask both").click()
    expect(page.get_by_label("The base model says")).not_to_have_value("", timeout=60_000)
    said, before = None, ()
    while said != before:
        page.wait_for_timeout(1000)
        said, before = [page.get_by_label(who).input_value() for who in SPEAKERS], said
    return said


def test_drop_generate_ask_download_come_again(visit, tmp_path):
    page = visit()
    (tmp_path / "mine.txt").write_text(PROMPTS)
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.txt")
    expect(page.get_by_text("mine.txt")).to_be_visible()
    page.get_by_role("button", name="Generate an adapter").click()
    expect(page.get_by_text("Made from 3 prompts in")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("table", name="How like the prompts are to those of training tasks")).to_be_visible()

    page.get_by_label("A question").fill(QUESTION)
    said = answers(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download it").click()
    with zipfile.ZipFile(download.value.path()) as packed:
        packed.extractall(tmp_path)
    folder = tmp_path / Path(download.value.suggested_filename).stem
    assert json.loads((folder / "adapter_config.json").read_text())["peft_type"] == "LORA"
    asked = [sys.executable, "-m", "p2w", "ask", str(folder), QUESTION, "--tokens", "48"]
    printed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert [line[WIDTH:] for line in printed.splitlines()] == said

    page.reload()
    expect(page.get_by_text("Made from 3 prompts in")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("radio", name="1: 3 prompts")).to_be_checked()


def test_strength_0_is_the_base_model(visit):
    page = visit()
    generate(page)
    page.get_by_label("A question").fill(QUESTION)
    page.get_by_label("number input for Adapter's strength").fill("0")
    plain, adapted = answers(page)
    assert plain == adapted != ""


def test_each_of_the_sessions_adapters_can_be_chosen_again(visit):
    page = visit()
    generate(page)
    page.get_by_label("Prompts, one per line").fill("Is a stone heavy?")
    page.get_by_role("button", name="Generate an adapter").click()
    expect(page.get_by_text("Made from 1 prompt in")).to_be_visible(timeout=60_000)
    page.get_by_role("radio", name="1: 3 prompts").check()
    expect(page.get_by_text("Made from 3 prompts in")).to_be_visible()
    assert visit().get_by_role("radio").count() == 0  # somebody else's


def test_everything_is_reached_and_worked_by_keyboard(visit):
    page = visit()
    page.get_by_label("Prompts, one per line").focus()
    page.keyboard.type("Is a stone heavy?")
    tab_to(page, "Generate an adapter")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Made from 1 prompt in")).to_be_visible(timeout=60_000)
    tab_to(page, "Ask both")
    page.keyboard.press("Enter")
    expect(page.get_by_label("The base model says")).not_to_have_value("", timeout=60_000)


def tab_to(page, name):
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText").strip() == name:
            return
    raise AssertionError(f"{name}: it is not reached by the tab key")


def test_what_takes_input_has_a_name_for_who_does_not_see_it(visit):
    page = visit()
    generate(page)
    nameless = """elements => elements.filter(e => e.offsetParent !== null && !e.labels?.length
      && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby') && !e.innerText.trim()
      ).map(e => e.outerHTML.slice(0, 200))"""
    assert page.locator("input, textarea, button, select").evaluate_all(nameless) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways_in_light_and_dark(visit, scheme):
    page = visit(viewport={"width": 375, "height": 800}, color_scheme=scheme)
    generate(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    colours = "e => getComputedStyle(e)[{!r}].match(/[0-9.]+/g).slice(0, 3).map(Number)"
    body = page.locator("body")
    ground, text = (sum(body.evaluate(colours.format(key))) for key in ("backgroundColor", "color"))
    assert (ground < text) == (scheme == "dark")
    assert abs(ground - text) > 300


def test_a_script_in_a_prompt_or_a_files_name_is_a_text(visit, tmp_path):
    page = visit()
    script = "<img src=x onerror='window.broken = 1'><script>window.broken = 1</script>"
    named = tmp_path / "<img src=x onerror=window.broken=1>.txt"
    named.write_text(script)
    page.locator("input[type=file]").set_input_files(named)
    generate(page, script)
    page.get_by_label("A question").fill(script)
    answers(page)
    assert page.evaluate("window.broken") is None


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [("bomb.zip", b"PK\3\4", "Invalid file type"), ("a.csv", b"a,b\n1,2\n", "file: found columns a, b")],
    ids=["zip", "columns"],
)  # fmt: skip
def test_a_file_that_is_none_of_prompts_is_refused_in_one_line(visit, name, data, message, tmp_path):
    page = visit()
    (tmp_path / name).write_bytes(data)
    page.locator("input[type=file]").set_input_files(tmp_path / name)
    page.get_by_role("button", name="Generate an adapter").click()
    expect(page.get_by_text(message).first).to_be_visible()


def test_a_gigabyte_is_refused_and_not_kept_in_memory(served):
    before = psutil.Process(served.process.pid).memory_info().rss
    assert upload(served, "large.txt", 2**30)[0] in (None, 413)
    assert psutil.Process(served.process.pid).memory_info().rss - before < 100 * 2**20


def test_a_files_name_leads_nowhere(served):
    status, places = upload(served, "../../../../tmp/p2w-escaped.txt", 2**20)
    assert status == 200
    (place,) = (Path(place) for place in places)
    assert (place.name, place.parent.parent.name.startswith("p2w-page-")) == ("p2w-escaped.txt", True)
    assert place.resolve() == place
    assert not Path("/tmp/p2w-escaped.txt").exists()


def upload(served, name, size):
    """Status and answer of an upload; none when the server hangs up."""
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    tail = b"\r\n--x--\r\n"
    connection = HTTPConnection(served.address.removeprefix("http://"), timeout=60)
    connection.putrequest("POST", "/gradio_api/upload")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(len(head) + size + len(tail)))
    connection.endheaders()
    try:
        for part in (head, *[bytes(2**20)] * (size // 2**20), tail):
            connection.send(part)
    except OSError:
        return None, None
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read()) if answer.status == 200 else None


def test_no_file_of_the_machine_is_given_away(served):
    for path in ("/gradio_api/file=/etc/passwd", "/gradio_api/file=../../../../etc/passwd", "/file=/etc/passwd"):
        connection = HTTPConnection(served.address.removeprefix("http://"), timeout=60)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status in (403, 404), path
        assert b"root:" not in answer.read()


def test_twenty_at_once_are_all_served(served):
    assert WAITING > 20

    def one(number):
        client = Client(served.address, verbose=False)
        return client.predict("", f"Is number {number} heavy?", None, "", api_name="/generate")

    with ThreadPoolExecutor(20) as visitors:
        made = list(visitors.map(one, range(20)))
    assert len(made) == 20
    assert len({str(entry) for entry in made}) == 20
