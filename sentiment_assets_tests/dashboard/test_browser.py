"""The pages in a real browser, on a desk's and on a telephone's width: one server, one browser."""

import asyncio
import contextlib
import datetime as dt
import re
import threading
import urllib.request
from pathlib import PurePosixPath
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from resources.settings import read_settings
from sentiment_assets_tests.dashboard.live_figures import show

WIDTHS = {1280: 900, 390: 844}
#: What is asked for, how many charts there are then, and a word of their axes.
PAGES = {
    "": (2, "Mon 23 Nov"),
    "?view=Topic&topic=nimbus": (4, "Mon 23 Nov"),
    "?view=Platforms": (5, "Mon 23 Nov"),
    "?view=Days&zone=Asia/Kolkata": (6, "hour (Asia/Kolkata)"),
    "?view=Days&topic=nimbus&lang=es": (6, "Mon 23 Nov"),
    "?view=Health": (2, "Mon 23 Nov"),
}
#: Every page at both widths; the second look at Days is for the narrow one.
VISITS = [
    (query, width) for query in PAGES for width in WIDTHS if width == 390 or "lang" not in query
]
#: Those that read the mart, which holds the same gold; the others read gold itself.
FROM_MART = [("", 390), ("?view=Topic&topic=nimbus", 1280)]
FOOT = "This page's address holds all of its filters"


@pytest.fixture(scope="module")
def url(serve_dashboard, wide_home):
    with serve_dashboard(wide_home) as address:
        yield address


@pytest.fixture(scope="module")
def mart_url(serve_dashboard, mart_home):
    with serve_dashboard(mart_home) as address:
        yield address


@pytest.fixture
def open_page(browser):
    """Open a page of a width, wait for its last words and its charts; complaints are gathered."""
    contexts = []

    def opened(address, width=1280, charts=0, until=FOOT):
        context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]})
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.asked = [], set()
        page.on("console", lambda m: m.type in ("error", "warning") and page.complaints.append(m))
        page.on("pageerror", lambda error: page.complaints.append(error))
        page.on("request", lambda request: page.asked.add(request.url))
        page.goto(address)
        page.get_by_text(until).first.wait_for(timeout=60_000)
        page.wait_for_function(
            f"document.querySelectorAll('[data-testid=stVegaLiteChart] svg').length >= {charts}",
            timeout=60_000,
        )
        return page

    yield opened
    for context in contexts:
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


@pytest.mark.parametrize(("query", "width"), VISITS)
def test_a_page_is_whole_silent_and_accessible(open_page, request, tmp_path, query, width):
    count, word = PAGES[query]
    from_mart = (query, width) in FROM_MART
    url = request.getfixturevalue("mart_url" if from_mart else "url")
    read_from = "the PostgreSQL mart" if from_mart else "gold's own tables"
    charts = whole_and_silent(
        open_page, url, query, width, tmp_path, count, until=f"Read from {read_from}:"
    )
    assert any(word in chart["words"] for chart in charts)


def whole_and_silent(open_page, url, query, width, tmp_path, count, least_marks=5, until=FOOT):
    """Look for complaints, clipped words and barriers; returns what the charts hold."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page(f"{url}/{query}", width, count, until)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(800)  # charts are drawn again at their final width
    picture = tmp_path / f"page_{width}.png"
    page.screenshot(path=str(picture))

    assert [getattr(said, "text", str(said)) for said in page.complaints] == []
    assert {a for a in page.asked if not a.startswith((url, "data:", "blob:"))} == set()
    assert page.get_by_text("Simulated posts:").is_visible()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
    charts = page.evaluate(CHARTS)
    assert len(charts) == count
    for chart in charts:
        assert chart["marks"] >= least_marks
        assert chart["clipped"] == []
        assert chart["right"] <= width
    assert picture.stat().st_size > 50_000
    barriers = [
        (barrier["id"], barrier["impact"], [node["failureSummary"] for node in barrier["nodes"]])
        for barrier in axe.Axe().run(page).response["violations"]
        if barrier["impact"] in ("serious", "critical")
    ]
    assert barriers == []
    return charts


def test_a_page_of_a_small_crowd_says_what_is_hidden(
    open_page, serve_dashboard, quiet_home, tmp_path
):
    query = "?view=Days&days=2026-11-16&days=2026-11-21"
    with serve_dashboard(quiet_home) as address:
        charts = whole_and_silent(open_page, address, query, 390, tmp_path, 3, least_marks=2)
    for chart in charts[:2]:
        assert "hidden: fewer than 10 authors" in chart["words"]


def test_now_is_drawn_while_posts_come_and_says_how_to_begin(open_page, serve_dashboard, tmp_path):
    home = tmp_path / "home"
    lake = read_settings({}, home=home).open_lake()
    with serve_dashboard(home) as address:
        for width in WIDTHS:
            page = open_page(f"{address}/?view=Now", width, until="make demo-stream")
            assert [getattr(said, "text", str(said)) for said in page.complaints] == []
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{address}/export/live_sentiment.csv")
        assert "No live figures yet" in refused.value.read().decode()
        for minutes in (30, 20, 10, 0):
            show(lake, dt.timedelta(minutes=minutes), 40 + minutes)
        told = "Figures grow by at least"
        for width in WIDTHS:
            charts = whole_and_silent(open_page, address, "?view=Now", width, tmp_path, 2, 3, told)
            assert all(chart["words"] for chart in charts)
        with urllib.request.urlopen(f"{address}/export/live_sentiment.csv?platform=x") as answer:
            rows = pl.read_csv(answer.read())
        assert rows.filter(topic="all")["posts"].to_list() == [70, 60, 50, 40]
        # It is drawn again by itself.
        pages = [open_page(f"{address}/?view=Now", width, 2, told) for width in WIDTHS]
        said = [page.get_by_text("figures are").inner_text() for page in pages]
        for page, before in zip(pages, said, strict=True):
            page.wait_for_function(
                "said => ![...document.querySelectorAll('p')].some(p => p.textContent === said)",
                arg=before,
                timeout=20_000,
            )


def drawn(page):
    """A page that is still being drawn takes a step back for a part of what it is at."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def test_the_back_button_goes_back_to_the_choice_before(open_page, url):
    page = open_page(f"{url}/?view=Days&topic=nimbus&days=2026-11-18&days=2026-11-22", charts=2)
    page.get_by_role("heading", name="Sun 22 Nov 2026: topic nimbus").wait_for()
    page.get_by_role("combobox", name="Topic").click()
    page.get_by_role("option", name="cirrus").click()
    page.get_by_role("heading", name="Sun 22 Nov 2026: topic cirrus").wait_for()
    drawn(page)
    page.get_by_role("radio", name="Overview").click()
    page.get_by_role("heading", name="What changed most").wait_for()
    drawn(page)
    # What a page doesn't ask for is kept for the next one.
    kept = parse_qs(urlsplit(page.url).query)
    assert (kept["view"], kept["topic"]) == (["Overview"], ["cirrus"])
    page.go_back()
    page.get_by_role("heading", name="Sun 22 Nov 2026: topic cirrus").wait_for()
    drawn(page)
    page.go_back()
    page.get_by_role("heading", name="Sun 22 Nov 2026: topic nimbus").wait_for()
    assert page.get_by_role("combobox", name="Topic").input_value() == "nimbus"
    drawn(page)
    page.go_forward()
    page.get_by_role("heading", name="Sun 22 Nov 2026: topic cirrus").wait_for()


def test_all_is_reached_and_seen_by_keyboard(open_page, url):
    page = open_page(f"{url}/?view=Days", charts=2)
    stops = []
    for _ in range(14):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => { const a = document.activeElement, r = a.getBoundingClientRect();
            return {name: a.getAttribute('aria-label') || a.innerText.slice(0, 40),
                    box: [r.x, r.y, r.width, r.height], tag: a.tagName}; }"""
        )
        stops.append(stop["name"])
        if stop["tag"] != "MAIN":
            assert focus_shows(page, stop["box"]), stop["name"]
    order = ["Skip to main content", "Overview", "Choose date range", "Platform", "Topic",
             "Time zone of hours"]  # fmt: skip
    assert [name for name in stops if name in order] == order
    page.get_by_role("radio", name="Days").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Fetched share by day").wait_for()
    assert "view=Health" in page.url


def focus_shows(page, box):
    """The stop looks otherwise than without the focus."""
    left, top, width, height = box
    around = {"x": max(0, left - 8), "y": max(0, top - 8), "width": width + 16,
              "height": height + 16}  # fmt: skip
    with_focus = page.screenshot(clip=around, animations="disabled", caret="initial")
    page.evaluate("() => { window.held = document.activeElement; window.held.blur(); }")
    page.wait_for_timeout(60)
    without = page.screenshot(clip=around, animations="disabled", caret="initial")
    page.evaluate("() => window.held.focus()")
    return with_focus != without


def test_what_is_shown_is_downloaded_from_an_address(open_page, url, tmp_path):
    page = open_page(f"{url}/?view=Topic&topic=nimbus&days=2026-11-20&days=2026-11-22")
    page.get_by_text("Export", exact=True).click()
    for title, read in (("CSV", pl.read_csv), ("Parquet", pl.read_parquet)):
        link = page.get_by_role("link", name=f"topic_sentiment as {title}")
        with page.expect_download() as begun:
            # As a person who keeps the page does: a link opens beside it.
            page.evaluate("a => { location.href = a; }", link.get_attribute("href"))
        name = begun.value.suggested_filename
        assert name == f"topic_sentiment_2026-11-20_2026-11-22_x.{title.lower()}"
        begun.value.save_as(tmp_path / name)
        rows = read(tmp_path / name)
        assert {"topic", "posts", "scored", "fetched_share", "suppressed"} <= set(rows.columns)
        assert rows.filter(topic="nimbus", topic_kind="tracked").height == 3


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("export/passwords.csv", 404, "There is no such file"),
        ("export/daily_trend.exe", 404, "There is no such file"),
        ("export/daily_trend.csv?days=never", 400, "are not dates"),
        ("export/daily_trend.csv?platform=y", 400, "Gold has no such platform"),
    ],
)
def test_a_wrong_download_is_one_sentence(url, path, status, said):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{url}/{path}")
    assert refused.value.code == status
    assert said in refused.value.read().decode()


def test_static_files_may_be_kept_for_ever_and_pages_may_not(open_page, url):
    asked = open_page(url, charts=2).asked
    static = {address for address in asked if urlsplit(address).path.startswith("/static/")}
    assert {".js", ".css", ".woff2"} <= {PurePosixPath(urlsplit(a).path).suffix for a in static}
    for address in static:
        with urllib.request.urlopen(address) as answer:
            kept = answer.headers["Cache-Control"]
            assert kept == "public, immutable, max-age=31536000", address
    with urllib.request.urlopen(url) as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
    with urllib.request.urlopen(f"{url}/export/daily_trend.csv") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"


@contextlib.contextmanager
def balancer(ports):
    """Hands each new connection to the next server that lives.

    Remembers which had some, and which had those that pages talk through, newest last.
    """
    loop, used, streams, started = asyncio.new_event_loop(), [], [], threading.Event()
    address = []

    async def copy(source, target):
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65_536):
                target.write(chunk)
                await target.drain()
        target.close()

    async def handle(reader, writer):
        begin = await reader.read(65_536)
        for _ in ports:
            port = ports[len(used) % len(ports)]
            used.append(port)
            with contextlib.suppress(ConnectionError):
                behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", port)
                break
        if b"/_stcore/stream" in begin:
            streams.append(port)
        behind_writer.write(begin)
        await asyncio.gather(copy(reader, behind_writer), copy(behind_reader, writer))

    async def serve():
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        address.append(server.sockets[0].getsockname()[1])
        started.set()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(serve(), loop).result(10)
    started.wait(10)
    try:
        yield f"http://127.0.0.1:{address[0]}", used, streams
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def test_any_replica_answers_any_request_of_a_page(open_page, serve_dashboard, wide_home):
    query = "?view=Days&topic=outage&days=2026-11-19&days=2026-11-21&zone=Asia/Kolkata"
    with contextlib.ExitStack() as first_running, contextlib.ExitStack() as second_running:
        running = (first_running, second_running)
        addresses = [one.enter_context(serve_dashboard(wide_home)) for one in running]
        pages = [open_page(f"{address}/{query}", charts=2) for address in addresses]
        for page in pages:
            drawn(page)
        texts = [page.get_by_test_id("stMain").inner_text() for page in pages]
        first, second = (re.sub(r"\d+ min ago", "", text) for text in texts)
        assert first == second
        assert "topic outage" in first
        ports = [int(address.rpartition(":")[2]) for address in addresses]
        with balancer(ports) as (balanced, used, streams):
            page = open_page(f"{balanced}/{query}", charts=2)
            # Another choice, and a download, through connections of their own.
            page.get_by_role("combobox", name="Topic").click()
            page.get_by_role("option", name="cirrus").click()
            page.get_by_role("heading", name="Sat 21 Nov 2026: topic cirrus").wait_for()
            for _ in ports:
                with urllib.request.urlopen(f"{balanced}/export/daily_trend.csv") as answer:
                    assert answer.status == 200
            assert page.complaints == []
            assert set(used) == set(ports)

            # The replica that this page talks to ends: the page goes on from the other one.
            [survivor] = set(ports) - {streams[-1]}
            running[ports.index(streams[-1])].close()
            heading = page.get_by_role("heading", name="Sat 21 Nov 2026: topic nimbus")
            # What is chosen before the page is connected again is lost: a reader chooses again.
            for _ in range(8):
                with contextlib.suppress(PlaywrightTimeout):
                    page.get_by_role("combobox", name="Topic").click(timeout=5_000)
                    page.get_by_role("option", name="nimbus").click(timeout=5_000)
                    heading.wait_for(timeout=8_000)
                    break
            assert heading.is_visible()
            assert streams[-1] == survivor
            again = open_page(f"{balanced}/{query}", charts=2)
            assert again.get_by_test_id("stMain").inner_text().count("topic outage") > 0
