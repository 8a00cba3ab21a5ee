"""Compiling and finding the kernel in C."""

import os
import shutil
from pathlib import Path

import pytest
import torch

from paint_gym.renderers import make_renderer
from paint_gym.renderers.analytic.c import build, library

COMPILER, COMPILE = build.find_compiler(), build.compile_kernel
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build for this processor."""
    return build.build("float", COMPILER, tmp_path_factory.mktemp("native"))


@pytest.fixture(autouse=True)
def cache(native: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An empty cache folder, a package without a library, and a compiler that copies `native`."""
    shutil.copy(build.SOURCE, tmp_path)
    monkeypatch.setattr(build, "SOURCE", tmp_path / "kernel.c")
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "compile_kernel", lambda *args: shutil.copy(native, args[2]))
    library.load.cache_clear()
    yield tmp_path / "cache" / "native"
    library.load.cache_clear()


def load() -> Path | None:
    """The file that is loaded anew."""
    library.load.cache_clear()
    backend = library.load(torch.float32)
    return None if backend is None else backend.file


def test_it_is_compiled_once_and_kept(cache: Path) -> None:
    file = load()
    assert list(cache.iterdir()) == [file] and cache.stat().st_mode & 0o777 == 0o700
    made = file.stat().st_mtime_ns
    assert load() == file and file.stat().st_mtime_ns == made


@pytest.mark.parametrize("way", ["open to others", "of another user", "no folder"])
def test_the_cache_must_be_the_users(way: str, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    planted = load()
    if way == "open to others":
        cache.chmod(0o755)
    elif way == "of another user" and os.getuid():
        pytest.skip("only the administrator can give a folder away")
    elif way == "of another user":
        os.chown(cache, 65534, 65534)
    else:
        shutil.rmtree(cache)
        cache.touch()
    assert load() not in (None, planted) and "is compiled anew at each start" in caplog.text


@pytest.fixture
def shipped() -> Path:
    """The library that came with the package; in it is the fingerprint alone besides `native`."""
    file = build.SOURCE.with_name(build.shipped_name("float"))
    build.compile_shipped(COMPILER, "float", file)
    with file.open("ab") as library:
        library.write(build._shipped_key().encode())
    return file


@pytest.mark.parametrize("compiler", [None, "/nowhere/cc"])
def test_the_shipped_library_needs_no_compiler_and_no_cache(
    compiler: str | None, shipped: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "find_compiler", lambda: compiler)
    shipped.chmod(0o444)
    assert load() == shipped and not cache.exists()


@pytest.mark.parametrize("change", ["source", "flags", "no library"])
def test_a_library_of_another_source_is_not_used(
    change: str, shipped: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if change == "source":
        build.SOURCE.write_text(build.SOURCE.read_text() + "/* changed */\n")
    elif change == "flags":
        monkeypatch.setattr(build, "FLAGS", [*build.FLAGS, "-g"])
    else:
        shipped.write_text(build._shipped_key())
    assert load().parent == cache


FOREIGN = """#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
[ -n "$out" ] || exit 0
"""


@pytest.mark.parametrize(
    "ends", [r"printf 'caf\351 \377' >&2; exit 1", "gcc -shared -fPIC -x c /dev/null -o $out", "exit 0", None]
)
def test_without_a_kernel_pytorch_paints_the_same(
    ends: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A compiler that fails, also in no UTF-8; a library without the functions, none at all; no compiler."""
    strokes, canvas = torch.rand(2, 5, 13), torch.zeros(2, 3, 48, 48)
    expected = make_renderer("analytic").paint(canvas, strokes)
    monkeypatch.setattr(build, "compile_kernel", COMPILE)
    if ends is None:
        monkeypatch.setattr(library, "find_compiler", lambda: None)
    else:
        compiler = tmp_path / "cc"
        compiler.write_text(FOREIGN + ends + "\n")
        compiler.chmod(0o755)
        monkeypatch.setenv("CC", str(compiler))
    assert load() is None
    for _ in range(2):
        painted = make_renderer("analytic").paint(canvas, strokes)
    torch.testing.assert_close(painted, expected, rtol=1e-4, atol=1e-4)
    assert caplog.text.count("no native kernel, painting with PyTorch instead") == 1
