"""The picture of the page in README.md: python -m tests.support.page_picture docs/figures/page.png"""

import sys

from playwright.sync_api import expect

from tests.support.browser import chromium, serving

QUESTION = "Is it true or false? A fish can swim."


def main(path: str) -> None:
    """Make an adapter of the examples, ask both models, and take the picture."""
    with serving() as served, chromium() as browser:
        page = browser.new_page(viewport={"width": 1100, "height": 700})
        page.goto(served.address)
        page.get_by_role("button", name="Use an example").click(timeout=60_000)
        page.get_by_role("button", name="Generate an adapter").click()
        expect(page.get_by_text("Made from")).to_be_visible(timeout=60_000)
        page.get_by_role("button", name="Ask both").click()
        expect(page.get_by_label("With the adapter")).not_to_have_value("", timeout=60_000)
        page.wait_for_timeout(2000)
        page.screenshot(path=path, full_page=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
