"""The page in a real browser, on a desk's and on a telephone's width."""

import pytest

WIDTHS = {1280: 900, 390: 844}


@pytest.fixture(scope="module")
def url(serve_dashboard, home):
    with serve_dashboard(home) as address:
        yield address


@pytest.fixture(scope="module")
def quiet_url(serve_dashboard, quiet_home):
    with serve_dashboard(quiet_home) as address:
        yield address


@pytest.fixture(params=WIDTHS)
def page(request, browser):
    context = browser.new_context(
        viewport={"width": request.param, "height": WIDTHS[request.param]}
    )
    yield context.new_page()
    context.close()


# Of each chart: the marks that show data, and the words that stick out of its picture.
CHARTS = """() => [...document.querySelectorAll('[data-testid=stVegaLiteChart] svg')].map(svg => {
    const picture = svg.getBoundingClientRect();
    const sticksOut = text => {
        const word = text.getBoundingClientRect();
        return word.width > 0 && (word.left < picture.left - 1 || word.right > picture.right + 1
            || word.top < picture.top - 1 || word.bottom > picture.bottom + 1);
    };
    return {
        marks: svg.querySelectorAll('.mark-rect path, .mark-line path, .mark-symbol path').length,
        clipped: [...svg.querySelectorAll('text')].filter(sticksOut).map(t => t.textContent),
        words: [...svg.querySelectorAll('text')].map(t => t.textContent),
        right: picture.right,
    };
})"""


@pytest.mark.parametrize("query", ["", "?topic=nimbus"])
def test_page_loads_whole_and_silent(page, url, tmp_path, query):
    charts = whole_and_silent(page, url, query, tmp_path, 4)
    for chart in charts[:2]:
        assert "Mon 23 Nov" in chart["words"]


def test_page_of_a_small_crowd_says_what_is_hidden(page, quiet_url, tmp_path):
    query = "?days=2026-11-16&days=2026-11-21"
    charts = whole_and_silent(page, quiet_url, query, tmp_path, 3, least_marks=2)
    for chart in charts[:2]:
        assert "hidden: fewer than 10 authors" in chart["words"]


def whole_and_silent(page, url, query, tmp_path, count, least_marks=5):
    """Load a page, look for complaints and clipped words; returns what its charts hold."""
    complaints, asked = [], set()
    page.on("console", lambda m: m.type in ("error", "warning") and complaints.append(m.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.add(request.url))
    page.goto(url + query)
    page.get_by_text("All times are UTC").wait_for(timeout=60_000)
    page.wait_for_function(
        f"document.querySelectorAll('[data-testid=stVegaLiteChart] svg').length == {count}",
        timeout=60_000,
    )
    width = page.viewport_size["width"]
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(1000)  # charts are drawn again at their final width
    picture = tmp_path / f"dashboard_{width}.png"
    page.screenshot(path=str(picture))

    assert complaints == []
    assert {a for a in asked if not a.startswith((url, "data:", "blob:"))} == set()
    assert page.get_by_text("Simulated posts:").is_visible()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
    charts = page.evaluate(CHARTS)
    assert len(charts) == count
    for chart in charts:
        assert chart["marks"] >= least_marks
        assert chart["clipped"] == []
        assert chart["right"] <= width
    assert picture.stat().st_size > 50_000
    return charts


def test_the_address_carries_the_filters(page, url):
    page.goto(f"{url}?topic=outage")
    page.get_by_text("topic outage").wait_for(timeout=60_000)
    page.get_by_role("heading", name="Sentiment by day").wait_for()


def test_an_empty_lake_says_what_to_do(browser, serve_dashboard, tmp_path):
    page = browser.new_page()
    with serve_dashboard(tmp_path) as address:
        page.goto(address)
        page.get_by_text("No gold yet").wait_for(timeout=60_000)
        assert page.get_by_text("make run").is_visible()
    page.close()
