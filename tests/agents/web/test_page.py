"""The page in a real browser: Chromium, driven by selenium."""

from __future__ import annotations

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
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from paint_gym import Painting
from paint_gym.datasets import read_image

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not on the path"),
]
AXE = Path(os.environ.get("AXE", "axe.min.js"))  # of npm's axe-core
IDLE = "return job === null && strokes.length > 0 && !drawing"


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in ("--headless=new", "--disable-gpu", "--window-size=1280,900", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which it demands of root
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.get(address)
    wait(driver, "return job !== null")  # a sample paints itself
    yield driver
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    errors = [message for message in errors if "status of 422" not in message]  # a refusal
    driver.quit()
    assert not errors  # nothing that the page's own rules forbid, and no script failed


def wait(page: webdriver.Chrome, until: str | Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not (page.execute_script(until) if isinstance(until, str) else until()):
        assert time.monotonic() < deadline, status(page)
        time.sleep(0.02)


def status(page: webdriver.Chrome) -> str:
    return page.find_element(By.ID, "status").text


def put(page: webdriver.Chrome, **settings: object) -> None:
    for name, value in settings.items():
        page.execute_script(
            "const e = $(arguments[0]); e[valueOf(e)] = arguments[1];"
            "e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change'))",
            name.replace("_", "-"), value,
        )  # fmt: skip


def choose(page: webdriver.Chrome, file: Path, expected: str = "is chosen") -> None:
    page.find_element(By.ID, "file").send_keys(str(file))
    wait(page, lambda: expected in status(page))


def paint(page: webdriver.Chrome, button: str = "paint", **settings: object) -> None:
    put(page, **settings)
    page.find_element(By.ID, button).click()
    wait(page, IDLE)


def save(page: webdriver.Chrome, kind: str, file: Path) -> Path:
    page.execute_script("$('save').open = true")
    page.find_element(By.CSS_SELECTOR, f"[data-format={kind}]").click()
    wait(page, file.exists)
    return file


def photo(path: Path, height: int = 90, width: int = 120) -> Path:
    y, x = np.mgrid[:height, :width]
    waves = np.stack([x * 200 // width, y * 200 // height, (x + y) % 256], -1)
    Image.fromarray(waves.astype(np.uint8)).save(path)
    return path


def draw(page: webdriver.Chrome, places: np.ndarray) -> None:
    """Drag over the painting through places ``(N, 2)`` in [0, 1]."""
    canvas = page.find_element(By.ID, "painting")
    pixels = (places - 0.5) * [canvas.size["width"], canvas.size["height"]]
    pointer = ActionChains(page, duration=0)
    for number, (x, y) in enumerate(pixels.round().astype(int).tolist()):
        pointer.move_to_element_with_offset(canvas, x, y)
        if number == 0:
            pointer.click_and_hold()
    pointer.release().perform()


@pytest.mark.parametrize("window", [(1280, 800), (1024, 640), (390, 844)])
def test_one_screen_for_everybody(page: webdriver.Chrome, tmp_path: Path, window: tuple[int, int]) -> None:
    choose(page, photo(tmp_path / "mine.png", *((90, 120) if window[0] > 500 else (120, 90))))
    size = {"width": window[0], "height": window[1], "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    paint(page, strokes=20, refine=0)
    for name in ("painting", "paint", "paint-on", "status", "save", "compare"):
        box = page.find_element(By.ID, name).rect
        assert box["y"] >= 0 and box["y"] + box["height"] <= window[1], name
        assert box["width"] and (name == "compare" or box["x"] + box["width"] <= window[0]), name
    room, easel = (page.find_element(By.ID, name).rect for name in ("room", "easel"))
    assert any(abs(room[side] - easel[side]) < 2 for side in ("width", "height"))  # as large as it can be
    assert page.execute_script("return document.documentElement.scrollWidth") <= window[0]
    if AXE.exists():
        for theme in ("light", "dark"):
            scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
            page.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
            page.execute_script(AXE.read_text() + "; $('more').open = $('save').open = true;")
            put(page, hand=True)
            run = "axe.run().then((r) => arguments[0](r.violations.map((v) => v.id + v.nodes[0].html)))"
            assert page.execute_async_script(run) == []


def test_from_a_photo_to_files_by_the_keyboard(page: webdriver.Chrome, tmp_path: Path) -> None:
    choose(page, photo(tmp_path / "mine.png"))
    put(page, strokes=60, refine=30)
    page.find_element(By.ID, "paint").send_keys(Keys.ENTER)
    wait(page, IDLE)
    assert page.execute_script("return document.activeElement.id") == "paint"  # focus stays
    assert "60 strokes in" in status(page) and "% like the photo" in status(page)
    page.find_element(By.ID, "scrub").send_keys(*[Keys.ARROW_LEFT] * 10)
    assert page.execute_script("return shown") == 50
    page.find_element(By.ID, "play").send_keys(Keys.ENTER)
    wait(page, "return shown === 60 && !playing")
    page.find_element(By.ID, "compare").send_keys(Keys.END)
    assert page.execute_script("return $('photo').style.clipPath") == "inset(0px 0% 0px 0px)"
    put(page, size=240)
    summary = page.find_element(By.CSS_SELECTOR, "#save summary")
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


@pytest.mark.parametrize("shape", ["circle", "wave", "smile"])
def test_a_line_by_hand_is_what_was_drawn(page: webdriver.Chrome, tmp_path: Path, shape: str) -> None:
    Image.new("RGB", (120, 90), (200, 30, 40)).save(tmp_path / "red.png")
    choose(page, tmp_path / "red.png")
    paint(page, strokes=10, refine=0, style_4=shape == "wave")  # in six colours
    put(page, hand=True, thickness=0.02)
    s = np.linspace(0, 1, 150)
    x, y = {
        "circle": (0.5 + 0.3 * np.cos(2 * np.pi * s), 0.5 + 0.3 * np.sin(2 * np.pi * s)),
        "wave": (0.1 + 0.8 * s, 0.5 + 0.2 * np.sin(4 * np.pi * s)),
        "smile": (0.2 + 0.6 * s, 0.4 + 0.3 * np.sin(np.pi * s)),
    }[shape]
    line = np.stack([x, y], 1)
    draw(page, line)
    painting = Painting.from_json(page.execute_script("return json()").encode())[10:]
    nodes = np.concatenate([nodes[:, :2] for nodes, _ in painting.nodes(64)])
    sides = [4 / 3, 1]
    assert max(directed_hausdorff(*pair)[0] for pair in permutations([nodes * sides, line * sides])) < 0.02
    assert 1 < len(painting) < 20
    palette = page.execute_script("return palette && palette.map(rgb)") or [[200 / 255, 30 / 255, 40 / 255]]
    assert directed_hausdorff(painting.strokes[:, -3:], palette)[0] < 1e-6
    page.find_element(By.ID, "undo").click()
    wait(page, "return strokes.length === 10")


@pytest.mark.parametrize("style", range(4))
def test_what_is_drawn_is_the_painting(page: webdriver.Chrome, style: int) -> None:
    page.find_element(By.CSS_SELECTOR, "[title=coffee]").click()
    wait(page, lambda: "coffee is chosen" in status(page))
    paint(page, strokes=150, refine=40, **{f"style_{style}": True})
    page.execute_script("$('compare').hidden = $('choose').hidden = true")
    shown = Image.open(io.BytesIO(page.find_element(By.ID, "painting").screenshot_as_png)).convert("RGB")
    painting = Painting.from_json(page.execute_script("return json()").encode())
    inner = np.s_[4:-4, 4:-4]  # its frame has round corners
    error = (np.asarray(shown, float) - painting.render((shown.height, shown.width)))[inner]
    assert 10 * np.log10(255**2 / np.square(error).mean()) > 30


def test_nothing_is_lost(page: webdriver.Chrome, tmp_path: Path) -> None:
    choose(page, photo(tmp_path / "mine.png"))
    put(page, strokes=2000)
    page.find_element(By.ID, "paint").click()
    wait(page, "return job && strokes.length > 50")
    time.sleep(1)  # until it is kept
    page.refresh()  # in the middle
    wait(page, lambda: "Paint on goes on" in status(page))
    assert page.execute_script("return strokes.length >= 50 && $('photo').naturalWidth === 120")
    page.find_element(By.ID, "paint-on").click()
    wait(page, "return strokes.length > 100")
    page.find_element(By.ID, "paint").click()  # Stop
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
        assert "<img src=x" in status(page) and not page.find_elements(By.CSS_SELECTOR, "[src=x]")
    large = tmp_path / "large.png"
    large.write_bytes(bytes(20_000_001))
    choose(page, large, "large.png has more than 20 MB")
    choose(page, saved, "30 strokes. Drop its photo")
    assert page.execute_script("return photo") is None
    choose(page, tmp_path / "mine.png")
    paint(page, "paint-on", strokes=10, refine=0)
    assert page.execute_script("return strokes.length") == 40
    put(page, style_2=True)  # circles
    assert not page.find_element(By.ID, "paint-on").is_displayed() and "begins anew" in status(page)


def test_a_server_that_has_ended(page: webdriver.Chrome, tmp_path: Path) -> None:
    choose(page, photo(tmp_path / "mine.png"))
    paint(page, strokes=20, refine=0)
    page.execute_script("window.fetch = async () => { throw new TypeError('Failed to fetch'); }")
    for action in (lambda: page.find_element(By.ID, "paint").click(), lambda: save(page, "png", tmp_path)):
        action()
        wait(page, lambda: "start paint-gym web again" in status(page))
        assert page.execute_script("return strokes.length") == 20
    assert save(page, "json", tmp_path / "mine-painted.json").exists()  # needs no server
