"""Building and finding the compiled kernel."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from paint_gym.renderers import make_renderer
from paint_gym.renderers.analytic.c import build as compiling
from paint_gym.renderers.analytic.c import library as kernel

pytestmark = pytest.mark.skipif(kernel.find_compiler() is None, reason="no C compiler on this machine")


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No kernel is in the cache, and none came with the package."""
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path))
    monkeypatch.setattr(kernel, "SHIPPED", tmp_path / "shipped")
    kernel.load.cache_clear()
    yield
    kernel.load.cache_clear()


def test_builds_once_and_reuses(tmp_path: Path) -> None:
    assert kernel.load(torch.float32) is not None
    (library,) = (tmp_path / "native").glob("*.so")
    made = library.stat().st_mtime_ns
    kernel.load.cache_clear()
    assert kernel.load(torch.float32) is not None
    assert library.stat().st_mtime_ns == made
    # nothing half-built is left
    assert sorted((tmp_path / "native").iterdir()) == [library.with_suffix(".sha256"), library]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A build that this process has not loaded: a loaded one stays, whatever its file becomes."""
    folder = tmp_path / "native"
    folder.mkdir(mode=0o700)
    return kernel.build(torch.float32, kernel.find_compiler(), folder)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another's"])
def test_a_damaged_build_is_made_again(damage: str, library: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = library.read_bytes()
    damaged = {"cut": whole[:-5000], "flipped": bytes([*whole[:-1], whole[-1] ^ 1]), "empty": b""}
    library.write_bytes(damaged.get(damage, whole))
    if damage == "another's":
        if os.getuid():
            pytest.skip("only the administrator can give a file away")
        os.chown(library, 65534, 65534)
    loaded = kernel.load(torch.float32)
    assert loaded is not None and loaded.band_count(8) > 0
    assert len(library.read_bytes()) == len(whole) and library.stat().st_uid == os.getuid()
    assert damage == "another's" or "is damaged and is compiled again" in caplog.text


@pytest.mark.parametrize("way", ["open folder", "open above", "of another user", "planted"])
def test_what_others_can_write_is_not_loaded(
    way: str, library: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A library with the right name and checksum, that answers otherwise."""
    folder, source = library.parent, tmp_path / "planted.c"
    others = ("nodes", "nodes_backward", "paint", "paint_backward")
    source.write_text(
        "long band_count(long n) { return -7; }\n" + "".join(f"void {name}(void) {{}}\n" for name in others)
    )
    compiler = kernel.find_compiler()
    subprocess.run([compiler, "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    library.with_suffix(".sha256").write_bytes(kernel._checksum(library))
    if way == "planted":  # and the folder is the user's own: nobody else could have put it there
        assert kernel.load(torch.float32).band_count(8) == -7
        return
    if way == "open folder":
        folder.chmod(0o777)
    elif way == "open above":
        tmp_path.chmod(0o777)
    elif os.getuid():
        pytest.skip("only the administrator can give a folder away")
    else:
        os.chown(folder, 65534, 65534)
    before = sorted(folder.iterdir())
    loaded = kernel.load(torch.float32)
    assert loaded is not None and loaded.band_count(8) > 0
    place = tmp_path if way == "open above" else folder
    assert sorted(folder.iterdir()) == before and f"others than you can change {place}:" in caplog.text


def test_a_cache_that_cannot_be_is_no_reason_to_paint_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path / "file"))
    assert kernel.load(torch.float32) is not None and "is compiled anew at each start" in caplog.text


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The library that came with the package, for this processor."""
    level = kernel.best_level()
    library = tmp_path / "shipped" / compiling.shipped_name("float", level)
    library.parent.mkdir()
    compiling.compile_shipped(compiling.find_compiler(), "float", level, library)
    return library


@pytest.mark.parametrize("compiler", [None, "/nowhere/cc"])
def test_what_came_with_the_package_is_used_and_nothing_else(
    compiler: str | None,
    shipped: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path / "file"))  # to make a folder there is an error
    monkeypatch.setattr(kernel, "find_compiler", lambda: compiler)
    shipped.chmod(0o444)
    assert Path(kernel.load(torch.float32)._name) == shipped
    assert make_renderer("analytic")(torch.rand(1, 13), 16).isfinite().all() and not caplog.records


@pytest.mark.parametrize("other", ["source", "flags", "no library", "no functions"])
def test_what_does_not_belong_to_this_source_is_not_used(
    other: str, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, source = compiling.shipped_key(kernel.best_level()), tmp_path / "kernel.c"
    source.write_text(compiling.SOURCE.read_text() + "/* changed */\n")
    if other == "source":
        monkeypatch.setattr(compiling, "SOURCE", source)
    elif other == "flags":
        monkeypatch.setattr(compiling, "FLAGS", [*compiling.FLAGS, "-g"])
    elif other == "no library":
        shipped.write_text(key)
    else:
        source.write_text(f'const char key[] = "{key}";')
        subprocess.run([compiling.find_compiler(), "-shared", "-fPIC", source, "-o", shipped], check=True)
    assert Path(kernel.load(torch.float32)._name).parent == tmp_path / "native"


AVX2, AVX512 = "fma avx avx2", "fma avx avx2 avx512f avx512dq avx512cd avx512bw avx512vl"


@pytest.mark.parametrize(
    ("cores", "level"),
    [
        ([AVX512], "avx512"), ([AVX2], "avx2"), (["avx"], "plain"), ([AVX512, AVX2], "avx2"),
        ([AVX512.replace("avx512bw", "")], "avx2"), ([AVX512.replace("fma", "")], "plain"), ([], "plain"),
    ],
)  # fmt: skip
def test_the_level_is_what_all_cores_can_do(
    cores: list[str], level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "CPUINFO", tmp_path / "cpuinfo")
    assert kernel.best_level() == "plain"  # no such file
    lines = [f"model name\t: A\nflags\t\t: fpu sse2 {flags}\nvmx flags\t: {AVX512}\n" for flags in cores]
    kernel.CPUINFO.write_text("\n".join(lines) + "Features\t: fp asimd\n")
    assert kernel.best_level() == level


@pytest.mark.skipif(compiling.shipped_levels() == ["plain"], reason="this processor has but one level")
@pytest.mark.parametrize("level", compiling.LEVELS)
def test_the_library_of_the_level_is_loaded(
    level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "shipped" / f"kernel_double_{level}.so"
    library.parent.mkdir()
    compiling.compile_shipped(compiling.find_compiler(), "double", level, library)
    monkeypatch.setattr(kernel, "best_level", lambda: level)
    assert Path(kernel.load(torch.float64)._name) == library


@pytest.mark.parametrize("level", compiling.shipped_levels())
@pytest.mark.parametrize("dtype", kernel.REAL)
def test_levels_paint_what_a_native_build_paints(
    level: str, dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = list(compiling.LEVELS)
    if order.index(level) < order.index(kernel.best_level()):
        pytest.skip(f"this processor has no {level}")
    torch.manual_seed(0)
    strokes, canvas = torch.rand(2, 20, 13, dtype=dtype), torch.rand(2, 3, 48, 50, dtype=dtype)
    renderer, weight = make_renderer("analytic"), torch.rand_like(canvas)
    library = tmp_path / "kernel.so"
    compiling.compile_shipped(compiling.find_compiler(), kernel.REAL[dtype], level, library)
    results = []
    for loaded in (kernel.load(dtype), kernel.bind(library)):
        with monkeypatch.context() as patch:
            patch.setattr(kernel, "load", lambda dtype, loaded=loaded: loaded)
            leaf = strokes.clone().requires_grad_()
            painted = renderer.paint(canvas, leaf)
            results.append((painted.detach(), torch.autograd.grad(painted, leaf, weight)[0]))
    (native, native_grad), (painted, grad) = results
    torch.testing.assert_close(painted, native, rtol=0, atol=1e-5)
    assert (grad - native_grad).norm() < 1e-4 * native_grad.norm()  # some jump where two pieces tie


FOREIGN = """#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
[ -n "$out" ] || exit 0
"""


@pytest.mark.parametrize(
    "ends", [r"printf 'caf\351 \377' >&2; exit 1", "gcc -shared -fPIC -x c /dev/null -o $out", "exit 0"]
)
def test_compilers_that_give_no_kernel(
    ends: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Messages that are not UTF-8, a library without the functions, none at all: PyTorch paints."""
    compiler = tmp_path / "cc"
    compiler.write_text(FOREIGN + ends + "\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    assert make_renderer("analytic")(torch.rand(1, 13), 16).isfinite().all()
    assert caplog.text.count("no native kernel, painting with PyTorch instead") == 1


def test_without_a_compiler_it_still_paints_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    strokes = torch.rand(2, 5, 13)
    canvas = torch.zeros(2, 3, 48, 48)
    expected = make_renderer("analytic").paint(canvas, strokes)
    kernel.load.cache_clear()
    monkeypatch.setattr(kernel, "find_compiler", lambda: None)
    assert kernel.load(torch.float32) is None
    torch.testing.assert_close(
        make_renderer("analytic").paint(canvas, strokes), expected, rtol=1e-4, atol=1e-4
    )
    assert caplog.text.count("no C compiler; install gcc or clang") == 1  # once, however often it paints


def test_a_broken_compiler_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            make_renderer("analytic")(torch.rand(1, 13), 16)
    assert [record.message for record in caplog.records if "no native kernel" in record.message] != []
    assert len(caplog.records) == 1


def test_it_paints_after_a_fork() -> None:
    """Threads do not survive a fork; a child must make its own."""
    strokes, canvas = torch.rand(64, 5, 13), torch.zeros(64, 3, 64, 64)
    renderer = make_renderer("analytic")
    renderer.paint(canvas, strokes)
    child = os.fork()
    if child == 0:  # torch's own threads do not survive either, so only one is used
        torch.set_num_threads(1)
        os._exit(0 if renderer.paint(canvas, strokes).isfinite().all() else 1)
    assert os.waitpid(child, 0)[1] == 0


def arguments(**changed: torch.Tensor) -> dict[str, torch.Tensor]:
    sizes = {"canvas": (2, 3, 8, 9), "nodes": (2, 4, 5, 4), "colours": (2, 4, 3)}
    return {name: torch.zeros(size) for name, size in sizes.items()} | changed


@pytest.mark.parametrize(
    "changed",
    [
        {"canvas": torch.zeros(1, 3, 8, 9)}, {"canvas": torch.zeros(2, 3, 8)},
        {"canvas": torch.zeros(2, 3, 8, 9).double()}, {"canvas": torch.zeros(2, 3, 9, 8).mT},
        {"canvas": torch.zeros(2, 3, 8, 9, device="meta")}, {"nodes": torch.zeros(3, 4, 5, 4)},
        {"nodes": torch.zeros(2, 4, 5, 3)}, {"nodes": torch.zeros(2, 4, 0, 4)},
        {"nodes": torch.zeros(2, 4, 5, 4).half()}, {"colours": torch.zeros(2, 4, 1)},
        {"colours": torch.zeros(2, 5, 3)}, {"colours": torch.zeros(2, 4, 6)[..., ::2]},
    ],
)  # fmt: skip
def test_nothing_but_what_fits_reaches_the_kernel(changed: dict[str, torch.Tensor]) -> None:
    kernel.Call(**arguments(), primitive="sweep")
    with pytest.raises(ValueError, match="the kernel"):
        kernel.Call(**arguments(**changed), primitive="sweep")


def test_nowhere_else_is_written() -> None:
    call = kernel.Call(**arguments(), primitive="polygon")
    for out in (torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 9).double(), torch.zeros(4, 3, 8, 9)[::2]):
        with pytest.raises(ValueError, match="the kernel needs a contiguous"):
            call.paint(out)
    canvas, nodes, colours = arguments().values()
    bands = nodes.unsqueeze(1).repeat(1, 8, 1, 1, 1), colours.unsqueeze(1).repeat(1, 8, 1, 1)
    grads = [canvas, canvas.clone(), *bands]
    call.paint_backward(*grads)
    for i, wrong in enumerate((grads[0][:1], grads[1].double(), grads[2][..., :3], grads[3][..., :2])):
        with pytest.raises(ValueError, match="the kernel needs a contiguous"):
            call.paint_backward(*grads[:i], wrong, *grads[i + 1 :])


SANITIZED = """
import subprocess, sys, torch
from pathlib import Path
from paint_gym.renderers.analytic.c import build as compiling
from paint_gym.renderers.analytic.c import library as kernel
from paint_gym.renderers import make_renderer
from paint_gym.strokes import stroke_names
library = Path(sys.argv[1])
flags = ["-g", "-O1", "-fPIC", "-shared", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
command = [kernel.find_compiler(), *flags, "-DREAL=float", str(compiling.SOURCE), "-o", str(library), "-lm"]
subprocess.run(command, check=True, env={"PATH": "/usr/bin:/bin"})
kernel.load = lambda dtype, library=kernel.bind(library): library if dtype == torch.float32 else None
torch.manual_seed(0)
for stroke in stroke_names():
    renderer = make_renderer("analytic", stroke)
    for batch, strokes, size in ((1, 0, (8, 8)), (2, 7, (16, 33)), (9, 3, (40, 24)), (1, 60, (70, 90))):
        for scale in (1.0, 0.0, 3.0, 1e6):
            inputs = (torch.rand(batch, strokes, renderer.design.dim) - 0.2) * scale
            inputs.requires_grad_()
            canvas = torch.rand(batch, 3, *size, requires_grad=True)
            painted = renderer.paint(canvas, inputs)
            torch.autograd.grad(painted, (canvas, inputs), torch.rand_like(painted))
            renderer(inputs.flatten(0, 1), size)
print("clean")
"""


@pytest.mark.slow
def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    """All designs, also far outside the canvas, forward and backward, under address and UB sanitizers."""
    found = [
        subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    if not all(Path(file).is_absolute() for file in found):
        pytest.skip("gcc's sanitizers are not installed")
    environment = os.environ | {"LD_PRELOAD": " ".join(found), "ASAN_OPTIONS": "detect_leaks=0", "CC": "gcc"}
    command = [sys.executable, "-c", SANITIZED, str(tmp_path / "kernel.so")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.stdout.endswith("clean\n"), done.stderr[-3000:]


INTERRUPTED = """
import gc, signal, time, torch
from paint_gym import make_renderer
torch.set_num_threads(2)
renderer, strokes = make_renderer("analytic"), torch.rand(1, 60, 13)
interrupted = 0
for i in range(10):
    canvas = torch.rand(1, 3, 1000, 1000, requires_grad=True)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01 + 0.01 * i)
    try:
        painted = renderer.paint(canvas, strokes)
        painted.sum().backward()
    except KeyboardInterrupt:
        interrupted += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    canvas = painted = None
    gc.collect()
    until = time.time() + 0.05
    while time.time() < until:
        assert not torch.zeros(3_000_000).any(), "freed memory was written to"
        time.sleep(0.005)
assert interrupted
print("whole")
"""


@pytest.mark.slow
def test_an_interrupt_leaves_memory_whole() -> None:
    """Other threads go on for a moment, with tensors that must still be there."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout == "whole\n", done.stderr[-2000:]


AT_EXIT = """
import atexit, torch
from paint_gym import make_renderer
torch.set_num_threads(2)
renderer, canvas, strokes = make_renderer("analytic"), torch.rand(1, 3, 500, 500), torch.rand(1, 60, 13)
expected = renderer.paint(canvas, strokes)
atexit.register(lambda: print(torch.equal(renderer.paint(canvas, strokes), expected)))
"""


def test_paints_while_python_ends() -> None:
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout == "True\n", done.stderr[-2000:]


@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, 0), (0, 0)])
@pytest.mark.parametrize("stroke", ["bezier", "triangle"])
def test_a_canvas_without_pixels(stroke: str, height: int, width: int) -> None:
    canvas = torch.rand(2, 3, height, width, requires_grad=True)
    renderer = make_renderer("analytic", stroke)
    strokes = torch.rand(2, 3, renderer.design.dim, requires_grad=True)
    for _ in range(50):  # memory that is written to beyond its end is found out sooner or later
        painted = renderer.paint(canvas, strokes)
        painted.sum().backward()
    assert painted.shape == canvas.shape and not strokes.grad.any()
