"""The page's server: what it paints, and what it refuses."""

from __future__ import annotations

import base64
import io
import json
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from agents.cli.web import listen
from agents.web import jobs, server
from agents.web.requests import MAX_PAINTING, MAX_REQUEST_BYTES
from paint_gym import Painting
from paint_gym.painting import FORMATS

JSON = {"Content-Type": "application/json"}
SMALL = {"photo": "coffee", "strokes": 12, "refine": 20}
LONG = Painting(np.zeros((1, 13)), size=(500, 100)).to_json()
MANY = Painting(np.zeros((4000, 7)), "circle").to_json()


def events(client: httpx.Client, **request) -> list[dict]:
    answer = client.post("/api/paintings", json=request)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def painting_of(lines: list[dict]) -> Painting:
    """As the page puts it together."""
    content = {**lines[0]["head"], "strokes": lines[-1]["strokes"]}
    return Painting.from_json(json.dumps(content).encode())


def picture(kind: str = "PNG") -> str:
    """A file of 40 x 60 pixels in base64."""
    content, waves = io.BytesIO(), np.add.outer(np.arange(40) * 3, np.arange(60) * 5) % 256
    Image.fromarray(np.stack([waves, 255 - waves, waves // 2], -1).astype(np.uint8)).save(content, kind)
    return base64.b64encode(content.getvalue()).decode()


def test_a_photo_stroke_by_stroke(client, monkeypatch):
    monkeypatch.setattr(jobs, "SHOW_SECONDS", 0.0)
    lines = events(client, **SMALL)
    kinds = [event["event"] for event in lines]
    assert kinds[:4] == ["start", *["strokes"] * 3] and "refined" in kinds and kinds[-1] == "done"
    assert lines[0]["head"]["size"] == [256, 384] and lines[0]["palette"] is None
    assert sum(len(event["strokes"]) for event in lines[1:4]) == 12
    painting = painting_of(lines)
    assert len(painting) == 12 and 0 < lines[-1]["l2"] < 0.1
    np.testing.assert_allclose(lines[-2]["strokes"], painting.strokes, atol=0.1)


def test_uploaded_pictures_and_settings(client):
    request = {"strokes": 20, "refine": 4, "stroke": "circle", "opacity": 1, "background": "#ff0000"}
    lines = events(client, image=picture(), **request, palette=3)
    painting = painting_of(lines)
    assert painting.stroke == "circle" and painting.opacity == (1, 1) and painting.size == (256, 384)
    assert painting.background == (1, 0, 0) and len(lines[0]["palette"]) == 3
    more = events(client, image=picture(), painting=painting.to_json(), strokes=26, refine=0)
    assert painting_of(more)[: len(painting)] == painting
    assert sum(len(event["strokes"]) for event in more[1:-1]) == 26 - len(painting)
    colours = ["#000000", "#00ff00"]
    lines = events(client, **SMALL, palette=colours, background=None, paper=[100, 70])
    painting = painting_of(lines)
    assert lines[0]["palette"] == colours and painting.background is None
    assert set(map(tuple, painting.strokes[:, -3:].tolist())) <= {(0, 0, 0), (0, 1, 0)}


@pytest.mark.parametrize("kind", ["svg", "png", "jpg", "json", "mp4", "gif"])
def test_files(client, kind):
    painting = Painting(np.random.default_rng(0).random((10, 13)), size=(30, 40))
    answer = client.post("/api/files", json={"painting": painting.to_json(), "format": kind, "size": 80})
    assert answer.status_code == 200 and answer.headers["content-type"] == FORMATS[f".{kind}"].media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="painting.{kind}"'
    if kind in ("png", "jpg", "gif"):
        assert Image.open(io.BytesIO(answer.content)).size == (80, 60)
    if kind == "svg":
        assert b'width="80" height="60"' in answer.content
        request = {"painting": painting.to_json(), "format": "svg", "paper": [100, 70]}
        assert b'width="100mm" height="70mm"' in client.post("/api/files", json=request).content


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "send one picture"), ({"photo": "coffee", "image": "AAAA"}, "send one picture"),
        ({"photo": "../etc/passwd"}, "photo: Input should be"), ({"path": "/etc"}, "path: Extra inputs"),
        ({"photo": "coffee", "strokes": 10**9}, "strokes"), ({"photo": "coffee", "strokes": -1}, "strokes"),
        ({"photo": "coffee", "refine": 1e400}, "refine"), ({"photo": "rocket", "palette": ["x"]}, "palette"),
        ({"photo": "coffee", "background": "red"}, "background"), ({"photo": "coffee", "seed": 0.5}, "seed"),
        ({"photo": "coffee", "paper": [9e9, 1]}, "paper"), ({"photo": "coffee", "paper": [9, 9]}, "no room"),
        ({"image": "%%%"}, "not base64"), ({"image": picture()[:88]}, "the picture"),
        ({"photo": "coffee", "painting": "{}"}, "not a painting"),
        ({"photo": "coffee", "painting": "x" * (MAX_PAINTING + 1)}, "painting: String should have at most"),
        ({"photo": "rocket", "painting": LONG}, "another aspect"),
        ({"photo": "coffee", "painting": MANY}, "at most 3000 strokes"),
    ],
)  # fmt: skip
def test_impossible_requests_get_a_sentence(client, body, text):
    content = json.dumps(body).replace("Infinity", "1e999")
    answer = client.post("/api/paintings", content=content, headers=JSON)
    last = json.loads(answer.text.splitlines()[-1])
    message = last["detail"] if answer.status_code == 422 else last["message"]
    assert text in message and len(message) < 400 and "Traceback" not in message


@pytest.mark.slow
def test_hostile_uploads(client):
    """A sentence each, the server lives, and its memory does not grow."""
    random, memory = np.random.default_rng(0), []
    files = [b"<svg/>", b"../../etc/passwd", b"GIF89a", bytes(100), b"%PDF-1.7"]
    files += [base64.b64decode(picture(kind)) for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")]
    for number in range(100):
        content = bytearray(files[number % len(files)])
        for _ in range(random.integers(1, 6)):
            content[random.integers(len(content))] = random.integers(256)
        image = base64.b64encode(content[: random.integers(len(content) // 2, len(content) + 1)]).decode()
        last = events(client, image=image, strokes=1, refine=0, detail="none")[-1]
        assert last["event"] == "done" or ("the picture" in last["message"] and len(last["message"]) < 400)
        memory.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)
    assert memory[-1] - memory[50] < 30e6


def test_bombs_and_odd_requests_take_no_time(client, monkeypatch):
    odd = [b'{"\\ud800": 1}', b'{"photo": "\\ud800"}', b"\xff", b"9" * 9999, b"[1]", b"", b'"' * 5_000_000]
    bombs = [b'{"photo":' + b"[" * 3_000_000, b" " * (MAX_REQUEST_BYTES + 1), [b" " * 1_000_000] * 32]
    bombs.append(json.dumps(dict.fromkeys(map(str, range(500_000)))).encode())
    for body in odd + bombs:
        start = time.monotonic()
        answer = client.post("/api/paintings", content=body, headers=JSON)
        assert answer.status_code in ((413,) if body in bombs else (400, 422))
        assert len(answer.text) < 400 and time.monotonic() - start < 5
        assert not body or isinstance(body, list) or body.decode(errors="replace") not in answer.text
    monkeypatch.setattr(jobs, "MAX_PIXELS", 100)
    last = events(client, image=picture(), strokes=5, refine=0)[-1]
    assert last["event"] == "error" and "pixels" in last["message"]


def test_other_sites_and_names_are_refused(client):
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    foreign = client.post("/api/paintings", json=SMALL, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert client.get("/", headers={"Origin": str(client.base_url).rstrip("/")}).status_code == 200
    for path in ("api/photos/..%2F..%2Fetc%2Fpasswd.png", "api/photos/camera.png", "static/../server.py"):
        assert client.get(path).status_code == 404


def test_headers_and_addresses(client):
    for address in ("/", "/app.js", "/style.css", "/api/photos/coffee.png", "/nowhere"):
        headers = client.get(address).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    page = client.get("/").text
    addresses = re.findall('(?:src|href)="([^"]+)"', page)
    texts = [page, *(client.get(address).text for address in addresses if address != "data:,")]
    assert len(texts) > 4 and not any("//" in text.replace("// ", "") for text in texts)  # none is foreign
    assert not any(text.startswith("/") for text in addresses)  # or breaks behind a path


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "x" * 64])
def test_ports_that_are_taken_and_impossible_hosts(address, host):
    with pytest.raises(ValueError, match=f"cannot listen on {host}, port .* choose another"):
        listen(host, int(address.rsplit(":")[-1]))


def test_four_clients(client, monkeypatch):
    monkeypatch.setattr(server, "WAITING", 3)
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(client.post, "/api/paintings", json=SMALL | {"strokes": 100}) for _ in range(4)]
        answers = sorted((job.result() for job in jobs), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 200, 200, 503]
    assert "busy: 3 paintings" in answers[3].json()["detail"]
    first = [json.loads(answer.text.splitlines()[0]) for answer in answers[:3]]
    assert sorted(event.get("ahead", 0) for event in first) == [0, 1, 2]


def test_a_job_ends_when_its_client_leaves_or_its_time_is_up(monkeypatch):
    request, stop = jobs.PaintRequest(**SMALL), threading.Event()
    with pytest.raises(jobs.Stopped):
        jobs.PaintingJob(request, lambda event: "strokes" in event and stop.set(), stop).run()
    monkeypatch.setattr(jobs, "SECONDS", 0.0)
    with pytest.raises(jobs.Stopped, match="stopped after 0 seconds"):
        jobs.PaintingJob(request, lambda event: None, threading.Event()).run()


@pytest.mark.slow
def test_ctrl_c_ends_the_page_while_it_paints() -> None:
    command = [sys.executable, "-m", "agents", "web", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        (address,) = re.findall(r"open (http://\S+) in a browser; Ctrl-C ends it", process.stderr.readline())
        long = SMALL | {"strokes": 2000, "refine": 500}
        with httpx.stream("POST", f"{address}/api/paintings", json=long, timeout=120) as answer:
            assert json.loads(next(answer.iter_lines()))["event"] == "start"
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
    assert process.returncode == 0 and "Traceback" not in said
