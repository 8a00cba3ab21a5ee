"""The page in a real browser: Chromium, driven by selenium."""

from __future__ import annotations

import io
import os
import shutil
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
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
PAINTED, GROWN = "return job === null && numbers.length > 0", "return strokes.length"
SHOWN = "return strokes.filter((group) => group.style.display !== 'none').length"


def browser(downloads: Path) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in ("--headless=new", "--disable-gpu", "--window-size=1200,1000", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which it demands of root
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(DRIVER))


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[webdriver.Chrome]:
    driver = browser(tmp_path)
    driver.get(address)
    yield driver
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    driver.quit()
    assert not errors  # nothing that the page's own rules forbid, and no script failed


def wait(page: webdriver.Chrome, until: str | Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not (page.execute_script(until) if isinstance(until, str) else until()):
        assert time.monotonic() < deadline, status(page)
        time.sleep(0.02)


def status(page: webdriver.Chrome) -> str:
    return page.find_element(By.ID, "status").text


def put(page: webdriver.Chrome, **settings: object) -> None:
    for name, value in settings.items():
        page.execute_script(
            "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event('input'))", name, str(value),
        )  # fmt: skip


def upload(page: webdriver.Chrome, file: Path) -> None:
    page.find_element(By.ID, "file").send_keys(str(file))


def photo(path: Path, height: int = 90, width: int = 120) -> Path:
    y, x = np.mgrid[:height, :width]
    waves = np.stack([x * 200 // width, y * 200 // height, (x + y) % 256], -1)
    Image.fromarray(waves.astype(np.uint8)).save(path)
    return path


def test_upload_grow_scrub_compare_and_download(page: webdriver.Chrome, tmp_path: Path) -> None:
    assert not page.find_element(By.ID, "paint").is_enabled()
    upload(page, photo(tmp_path / "mine.png"))
    wait(page, lambda: "mine.png is chosen" in status(page))
    put(page, strokes=60, refine=30)
    page.find_element(By.ID, "paint").click()
    wait(page, "return strokes.length > 0 && strokes.length < 60 || job === null")
    wait(page, PAINTED)
    assert page.execute_script(GROWN) == 60 and "60 strokes in" in status(page)
    wait(page, lambda: page.execute_script(SHOWN) == 60)
    page.find_element(By.ID, "scrub").send_keys(*[Keys.ARROW_LEFT] * 10)  # by the keyboard
    assert page.execute_script(SHOWN) == 50 and page.find_element(By.ID, "play").text == "Play"
    page.find_element(By.ID, "play").click()
    wait(page, "return Number($('scrub').value) === 60")
    put(page, compare=40)
    assert page.execute_script("return $('photo').style.clipPath") == "inset(0px 60% 0px 0px)"
    assert page.execute_script("return $('photo').naturalWidth") == 120
    put(page, size=240)
    for kind in ("svg", "png", "json", "mp4"):
        page.find_element(By.CSS_SELECTOR, f"[data-format={kind}]").click()
        wait(page, lambda kind=kind: (tmp_path / f"painting.{kind}").exists())
    assert ET.parse(tmp_path / "painting.svg").getroot().get("width") == "240"
    assert read_image(tmp_path / "painting.png").shape == (180, 240, 3)
    painting = Painting.load(tmp_path / "painting.json")
    assert len(painting) == 60 and (tmp_path / "painting.mp4").stat().st_size > 1000
    shown = Image.open(io.BytesIO(page.find_element(By.ID, "easel").screenshot_as_png)).convert("RGB")
    assert len(np.unique(np.asarray(shown).reshape(-1, 3), axis=0)) > 1000
    put(page, strokes=20, refine=0)
    page.find_element(By.ID, "more").click()
    wait(page, "return job === null && strokes.length === 80")


def test_a_stroke_by_hand(page: webdriver.Chrome, tmp_path: Path) -> None:
    Image.new("RGB", (120, 90), (200, 30, 40)).save(tmp_path / "red.png")
    upload(page, tmp_path / "red.png")
    wait(page, lambda: "red.png is chosen" in status(page))
    assert not page.find_element(By.ID, "hand").is_enabled()
    put(page, strokes=10, refine=0)
    page.find_element(By.ID, "paint").click()
    wait(page, PAINTED)
    page.find_element(By.ID, "hand").click()
    put(page, thickness=0.3)
    canvas = page.find_element(By.ID, "painting")
    width, height = canvas.rect["width"], canvas.rect["height"]
    path = [(0.25, 0.5), (0.5, 0.7), (0.75, 0.5)]
    pointer = ActionChains(page, duration=50)
    for number, (x, y) in enumerate(path):
        pointer.move_to_element_with_offset(canvas, round((x - 0.5) * width), round((y - 0.5) * height))
        if number == 0:
            pointer.click_and_hold()
    pointer.release().perform()
    assert page.execute_script(GROWN) == 11 and "11 strokes" in status(page)
    page.find_element(By.CSS_SELECTOR, "[data-format=json]").click()
    wait(page, (tmp_path / "painting.json").exists)
    stroke = Painting.load(tmp_path / "painting.json").strokes[-1]
    np.testing.assert_allclose(stroke[[0, 1, 4, 5]], [0.25, 0.5, 0.75, 0.5], atol=0.02)
    np.testing.assert_allclose(stroke[6:], [0.3, 1, 0.3, 1, 200 / 255, 30 / 255, 40 / 255], atol=1e-6)
    put(page, strokes=10, refine=0)
    page.find_element(By.ID, "more").click()
    wait(page, "return job === null && strokes.length === 21")


def test_what_is_drawn_is_the_painting(page: webdriver.Chrome, tmp_path: Path) -> None:
    page.find_element(By.CSS_SELECTOR, "[data-name=coffee]").click()
    put(page, strokes=100, refine=40)
    page.find_element(By.ID, "paint").click()
    wait(page, PAINTED)
    wait(page, "return Number($('shown').value) === 100")
    shown = Image.open(io.BytesIO(page.find_element(By.ID, "painting").screenshot_as_png)).convert("RGB")
    painting = Painting.from_json(page.execute_script("return json()").encode())
    ours = painting.render((shown.height, shown.width)).astype(float)
    inner = np.s_[4:-4, 4:-4]  # its frame has round corners
    error = np.square(np.asarray(shown, float)[inner] - ours[inner]).mean()
    assert 10 * np.log10(255**2 / error) > 28


def test_reload_and_stop_in_the_middle(page: webdriver.Chrome, address: str) -> None:
    for leave in ("reload", "stop"):
        page.find_element(By.CSS_SELECTOR, "[data-name=chelsea]").click()
        put(page, strokes=2000, refine=500)
        page.find_element(By.ID, "paint").click()
        wait(page, "return strokes.length > 10")
        if leave == "reload":
            page.refresh()
        else:
            page.find_element(By.ID, "stop").click()
            wait(page, lambda: status(page).startswith("Stopped at"))
            assert page.find_element(By.CSS_SELECTOR, "[data-format=svg]").is_enabled()  # they are kept
    put(page, strokes=20, refine=0)
    began = time.monotonic()
    page.find_element(By.ID, "paint").click()
    wait(page, PAINTED)
    assert time.monotonic() - began < 20  # those that were left do not go on


def test_hostile_and_large_files(page: webdriver.Chrome, tmp_path: Path) -> None:
    hostile = tmp_path / "<img src=x onerror=alert(1)>.png"
    hostile.write_bytes(photo(tmp_path / "good.png").read_bytes()[:200])
    upload(page, hostile)
    wait(page, lambda: "onerror" in status(page))  # as text
    page.find_element(By.ID, "paint").click()
    wait(page, lambda: "the picture" in status(page))
    assert page.find_elements(By.CSS_SELECTOR, "img[src=x]") == []
    large = tmp_path / "large.png"
    large.write_bytes(bytes(50_000_000))
    upload(page, large)
    wait(page, lambda: "large.png has more than 20 MB" in status(page))


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_cut_off(page: webdriver.Chrome, width: int, tmp_path: Path) -> None:
    page.set_window_size(width, 900)
    for size in ((300, 90), (90, 300)):
        upload(page, photo(tmp_path / f"{size[0]}.png", *size))
        wait(page, lambda size=size: f"{size[0]}.png is chosen" in status(page))
        wait(page, f"return $('photo').naturalHeight === {size[0]}")
        inner, needed = page.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
        assert needed <= inner
        box = page.find_element(By.ID, "painting").rect  # no wider than the painting: nothing shows beside it
        assert box["height"] / box["width"] == pytest.approx(size[0] / size[1], rel=0.03)
