"""The page in a real browser: Chromium, driven by selenium."""

from __future__ import annotations

import base64
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import directed_hausdorff
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService, Keys
from selenium.webdriver.remote.webelement import WebElement

from paint_gym import Painting
from paint_gym.datasets import read_image
from paint_gym.metrics import psnr

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not on the path"),
]
AXE = Path(os.environ.get("AXE", "axe.min.js"))  # of npm's axe-core
IDLE = "return job === null && strokes.length > 0 && !drawing"


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in ("--headless=new", "--disable-gpu", "--window-size=1280,900", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which it demands of root
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=ChromeService(DRIVER))
    driver.get(address)
    wait(driver, "return job !== null")  # a sample paints itself
    yield driver
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    errors = [message for message in errors if "status of 422" not in message]  # a refusal
    driver.quit()
    assert not errors  # nothing that the page's own rules forbid, and no script failed


def wait(page: Chrome, until: str | Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not (page.execute_script(until) if isinstance(until, str) else until()):
        assert time.monotonic() < deadline, status(page)
        time.sleep(0.02)


def find(page: Chrome, selector: str) -> WebElement:
    return page.find_element("css selector", selector)


def status(page: Chrome) -> str:
    return find(page, "#status").text


def put(page: Chrome, **settings: object) -> None:
    for name, value in settings.items():
        script = "const e = $(arguments[0]); e[valueOf(e)] = arguments[1]; "
        script += "for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {bubbles: true}))"
        page.execute_script(script, name.replace("_", "-"), value)


def choose(page: Chrome, file: Path, expected: str = "is chosen") -> None:
    find(page, "#file").send_keys(str(file))
    wait(page, lambda: expected in status(page))


def paint(page: Chrome, button: str = "paint", **settings: object) -> None:
    put(page, **settings)
    find(page, f"#{button}").click()
    wait(page, IDLE)


def save(page: Chrome, kind: str, file: Path) -> Path:
    page.execute_script("$('save').open = true")
    find(page, f"[data-format={kind}]").click()
    wait(page, file.exists)
    return file


def photo(path: Path, height: int = 90, width: int = 120) -> Path:
    Image.new("RGB", (width, height), (200, 30, 40)).save(path)
    return path


def draw(page: Chrome, places: np.ndarray) -> None:
    """Drag over the painting through places ``(N, 2)`` in [0, 1]."""
    canvas = find(page, "#painting")
    pixels = (places - 0.5) * [canvas.size["width"], canvas.size["height"]]
    pointer = ActionChains(page, duration=0)
    for number, (x, y) in enumerate(pixels.round().astype(int).tolist()):
        pointer.move_to_element_with_offset(canvas, x, y)
        if number == 0:
            pointer.click_and_hold()
    pointer.release().perform()


@pytest.mark.parametrize("window", [(1280, 800), (1024, 640), (390, 844)])
def test_one_screen_for_everybody(page: Chrome, tmp_path: Path, window: tuple[int, int]) -> None:
    choose(page, photo(tmp_path / "mine.png", *((90, 120) if window[0] > 500 else (120, 90))))
    size = {"width": window[0], "height": window[1], "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    paint(page, strokes=20, refine=0)
    for name in ("painting", "paint", "paint-on", "status", "save", "compare"):
        box = find(page, f"#{name}").rect
        assert box["y"] >= 0 and box["y"] + box["height"] <= window[1], name
        assert box["width"] and (name == "compare" or box["x"] + box["width"] <= window[0]), name
    room, easel = (find(page, f"#{name}").rect for name in ("room", "easel"))
    assert any(abs(room[side] - easel[side]) < 2 for side in ("width", "height"))  # as large as it can be
    assert page.execute_script("return document.documentElement.scrollWidth") <= window[0]
    if AXE.exists():
        page.execute_script(AXE.read_text() + "; $('more').open = $('save').open = true; $('hand').click()")
        for theme in ("light", "dark"):
            scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
            page.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
            run = "axe.run().then((r) => arguments[0](r.violations.map((v) => v.id + v.nodes[0].html)))"
            assert page.execute_async_script(run) == []


def test_from_a_photo_to_files_by_the_keyboard(page: Chrome, tmp_path: Path) -> None:
    choose(page, photo(tmp_path / "mine.png"))
    put(page, strokes=60, refine=30, size=240)
    find(page, "#paint").send_keys(Keys.ENTER)
    wait(page, IDLE)
    assert page.execute_script("return document.activeElement.id") == "paint"  # focus stays
    assert "60 strokes in" in status(page) and "% like the photo" in status(page)
    find(page, "#scrub").send_keys(*[Keys.ARROW_LEFT] * 10)
    assert page.execute_script("return shown") == 50
    find(page, "#play").send_keys(Keys.ENTER)
    wait(page, "return shown === 60 && !playing")
    find(page, "#compare").send_keys(Keys.END)
    assert page.execute_script("return $('photo').style.clipPath") == "inset(0px 0% 0px 0px)"
    summary = find(page, "#save summary")
    for number, kind in enumerate(("png", "svg", "mp4", "json"), 1):
        summary.send_keys(Keys.ENTER)
        ActionChains(page).send_keys(*[Keys.TAB] * number, Keys.ENTER).perform()
        wait(page, (tmp_path / f"mine-painted.{kind}").exists)
    assert read_image(tmp_path / "mine-painted.png").shape == (180, 240, 3)
    assert len(Painting.load(tmp_path / "mine-painted.json")) == 60
    paint(page, "paint-on", strokes=20, refine=0)
    assert page.execute_script("return strokes.length") == 80
    ActionChains(page).key_down(Keys.CONTROL).send_keys("z").key_up(Keys.CONTROL).perform()
    wait(page, "return strokes.length === 60")


@pytest.mark.parametrize("shape", ["circle", "wave"])
def test_a_line_by_hand_is_what_was_drawn(page: Chrome, tmp_path: Path, shape: str) -> None:
    choose(page, photo(tmp_path / "red.png"))
    paint(page, strokes=10, refine=0, style_4=shape == "wave", hand=True, thickness=0.02)
    count = page.execute_script("return strokes.length")  # fewer, if some do not help
    s = np.linspace(0, 1, 150)
    places = {
        "circle": [0.5 + 0.3 * np.cos(2 * np.pi * s), 0.5 + 0.3 * np.sin(2 * np.pi * s)],
        "wave": [0.1 + 0.8 * s, 0.5 + 0.2 * np.sin(4 * np.pi * s)],
    }
    line = np.stack(places[shape], 1)
    draw(page, line)
    painting = Painting.from_json(page.execute_script("return json()").encode())[count:]
    nodes = np.concatenate([nodes[:, :2] for nodes, _ in painting.nodes(64)])
    lines = [places * [4 / 3, 1] for places in (nodes, line)]
    assert max(directed_hausdorff(*pair)[0] for pair in permutations(lines)) < 0.02
    assert 1 < len(painting) < 20
    palette = page.execute_script("return palette && palette.map(rgb)") or [[200 / 255, 30 / 255, 40 / 255]]
    assert directed_hausdorff(painting.strokes[:, -3:], palette)[0] < 1e-6
    find(page, "#undo").click()
    wait(page, f"return strokes.length === {count}")


@pytest.mark.parametrize("style", range(4))
def test_what_is_drawn_is_the_painting(page: Chrome, style: int) -> None:
    find(page, "[title=coffee]").click()
    wait(page, lambda: "coffee is chosen" in status(page))
    paint(page, strokes=150, refine=40, **{f"style_{style}": True})
    png = base64.b64decode(page.execute_script("return canvas.toDataURL().split(',')[1]"))
    shown = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), float)
    painting = Painting.from_json(page.execute_script("return json()").encode())
    assert psnr(np.square(shown / 255 - painting.render(shown.shape[:2]) / 255).mean()) > 34


def test_nothing_is_lost(page: Chrome, tmp_path: Path) -> None:
    choose(page, photo(tmp_path / "mine.png"))
    put(page, strokes=2000)
    find(page, "#paint").click()
    wait(page, "return job && strokes.length > 50")
    time.sleep(1)  # until it is kept
    page.refresh()  # in the middle
    wait(page, lambda: "Paint on goes on" in status(page))
    assert page.execute_script("return strokes.length >= 50 && $('photo').naturalWidth === 120")
    find(page, "#paint-on").click()
    wait(page, "return strokes.length > 100")
    find(page, "#paint").click()  # Stop
    wait(page, lambda: status(page).startswith("Stopped at"))
    paint(page, strokes=30, refine=5)
    time.sleep(1)
    page.refresh()  # at the end
    wait(page, lambda: "30 strokes are back" in status(page))
    saved = save(page, "json", tmp_path / "mine-painted.json")
    choose(page, photo(tmp_path / "tall.png", 120, 90), "Undo brings the last painting back")
    for bad in (b"[]", b'{"format": 1}', saved.read_bytes()[:-9], b"\x89PNG"):
        file = tmp_path / f"<img src=x onerror=alert(1)>.{'png' if bad[0] > 128 else 'json'}"
        file.write_bytes(bad)
        choose(page, file, "Nothing has changed")
        assert "<img src=x" in status(page) and not page.find_elements("css selector", "[src=x]")
    (tmp_path / "large.png").write_bytes(bytes(20_000_001))
    choose(page, tmp_path / "large.png", "large.png has more than 20 MB")
    choose(page, saved, "30 strokes. Drop its photo")
    assert page.execute_script("return selected()") == "Curves"
    choose(page, tmp_path / "mine.png")
    paint(page, "paint-on", strokes=10, refine=0)
    assert page.execute_script("return strokes.length") == 40
    page.execute_script("window.fetch = async () => { throw new TypeError('Failed to fetch'); }")
    for action in (lambda: find(page, "#paint").click(), lambda: save(page, "png", tmp_path)):
        action()
        wait(page, lambda: "start paint-gym web again" in status(page))
        assert page.execute_script("return strokes.length") == 40
    put(page, style_2=True)  # circles
    assert not find(page, "#paint-on").is_displayed() and "begins anew" in status(page)
