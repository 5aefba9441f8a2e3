"""Pictures of the dashboard for the documentation: ``.venv/bin/python docs/screenshots.py``.

Serves the dashboard over what stands in gold and writes ``docs/images/dashboard*.png``. Needs the
system's Chromium, and gold of simulated posts: pictures of live ones are nobody's documentation.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
#: Name of the picture -> address, width, and the most of its height that is shown.
PICTURES = {
    "dashboard": ("", 1280, 1000),
    "dashboard-topic": ("?view=Topic", 1280, 1400),
    "dashboard-platforms": ("?view=Platforms", 1280, 1100),
    "dashboard-days": ("?view=Days", 1280, 1200),
    "dashboard-health": ("?view=Health", 1280, 1000),
    "dashboard-telephone": ("", 390, 1700),
}


def main() -> None:
    """Write the pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("install the system package chromium first")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "dashboard", "--port", str(port)], cwd=ROOT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            for name, (query, width, most) in PICTURES.items():
                page = browser.new_page(viewport={"width": width, "height": 900})
                _take(page, f"http://127.0.0.1:{port}/{query}", IMAGES / f"{name}.png", most)
                page.close()
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


def _take(page: Page, url: str, picture: Path, most: int) -> None:
    page.goto(url)
    page.get_by_text("holds all of its filters").wait_for(timeout=60_000)
    if not page.get_by_text("Simulated posts:").is_visible():
        sys.exit("these are live posts: set SENTIMENT_SOURCE=simulator and SENTIMENT_HOME")
    width = int(page.viewport_size["width"] if page.viewport_size else 1280)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": height})
    # Charts are drawn again at their final width.
    page.wait_for_timeout(2_000)
    page.screenshot(
        path=str(picture), clip={"x": 0, "y": 0, "width": width, "height": min(most, height)}
    )
    print(picture.relative_to(ROOT))


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main()
