"""Colours of pictures: profiles, PNG's chunks and AVIF's codes, held to the formulas."""

import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from picture_files import EXACT, chunk, encoded, png
from PIL import Image, ImageCms

from paint_gym.datasets import read_image

COLOUR = (200, 100, 50)
TO_XYZ = {  # of linear R, G, B, with the white D65
    "sRGB": [[0.41239, 0.35758, 0.18048], [0.21264, 0.71517, 0.07219], [0.01933, 0.11919, 0.95053]],
    "P3": [[0.48657, 0.26567, 0.19822], [0.22897, 0.69174, 0.07929], [0.0, 0.04511, 1.04394]],
    "BT.2020": [[0.63696, 0.14462, 0.16888], [0.26270, 0.67800, 0.05930], [0.0, 0.02807, 1.06099]],
}


def to_linear(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def from_linear(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def seen(curve: Callable[[np.ndarray], np.ndarray] = to_linear, primaries: str = "sRGB") -> np.ndarray:
    """`COLOUR` in sRGB, if its numbers mean these primaries and this curve to linear light."""
    light = np.linalg.solve(TO_XYZ["sRGB"], TO_XYZ[primaries] @ curve(np.array(COLOUR) / 255))
    return 255 * from_linear(light.clip(0, 1))


def power(exponent: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda value: value**exponent


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """sRGB whose primaries are swapped: the file's red is green."""
    icc = SRGB
    for old, new in ((b"rXYZ", b"tXYZ"), (b"gXYZ", b"rXYZ"), (b"bXYZ", b"gXYZ"), (b"tXYZ", b"bXYZ")):
        icc = icc.replace(old, new)
    return icc


def linear_profile(grey: bool) -> bytes:
    """Linear light, though its name says sRGB."""
    curve = SRGB.index(b"para") + 8  # the function's type, and its numbers as 16.16
    assert SRGB[curve : curve + 2] == b"\0\3"
    icc = SRGB[: curve + 4] + struct.pack(">5i", 65536, 65536, 0, 65536, 0) + SRGB[curve + 24 :]
    return icc.replace(b"rTRC", b"kTRC").replace(b"RGB XYZ", b"GRAYXYZ", 1) if grey else icc


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_colour_profiles_count(kind: str) -> None:
    image = Image.new("RGBA" if kind == "PNG" else "RGB", (16, 16), COLOUR)
    content = encoded(image, kind, icc_profile=swapped_profile(), **EXACT.get(kind, {}))
    assert np.abs(read_image(content)[8, 8].astype(int) - [50, 200, 100]).max() <= 1


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("colours", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("by", ["iCCP", "gAMA", "cICP"])
def test_linear_light_in_all_kinds_of_png(colours: int, channels: int, depth: int, by: str) -> None:
    levels = np.array([0, 50, 128, 200, 255])
    pixels = levels[:, None].repeat(channels, 1)
    if colours & 4:
        pixels[:, -1] = 255
    row = pixels.astype(np.uint8).tobytes() if depth == 8 else (pixels * 257).astype(">u2").tobytes()
    profile = chunk(b"iCCP", b"linear\0\0" + zlib.compress(linear_profile(grey=not colours & 2)))
    mark = {"iCCP": profile, "gAMA": gama(1), "cICP": cicp(1, 8, 0, 1)}[by]
    content = png((5, 1, depth, colours), b"\0" + row, mark)
    assert np.abs(read_image(content)[0] - 255 * from_linear(levels / 255)[:, None]).max() <= 1


@pytest.mark.parametrize("profile", ["sRGB", "bad", "grey"])
def test_profiles_that_change_nothing(profile: str) -> None:
    """sRGB itself to the last bit; one that is damaged, or for another kind of picture, as viewers do."""
    pixels = np.random.default_rng(0).integers(256, size=(20, 20, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert("L" if profile == "grey" else "RGB")
    content = encoded(image, "PNG", icc_profile=b"no profile" if profile == "bad" else SRGB)
    assert np.array_equal(read_image(content), np.asarray(image.convert("RGB")))


def gama(encoded: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(encoded * 100_000)))


def chrm(*xy: int) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *xy))


def cicp(*codes: int) -> bytes:
    return chunk(b"cICP", bytes(codes))


CHRM_P3 = chrm(31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
CHRM_SRGB = chrm(31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
ICCP = chunk(b"iCCP", b"swapped\0\0" + zlib.compress(swapped_profile()))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([gama(1)], seen(power(1))),
        ([gama(1 / 1.8)], seen(power(1.8))),  # old Macintosh
        ([CHRM_P3, gama(1 / 2.2)], seen(power(2.2), "P3")),
        ([CHRM_P3], seen(primaries="P3")),
        ([CHRM_SRGB, gama(1)], seen(power(1))),
        ([cicp(12, 13, 0, 1)], seen(primaries="P3")),
        ([cicp(9, 13, 0, 1)], seen(primaries="BT.2020")),
        ([cicp(1, 8, 0, 1)], seen(power(1))),
        ([cicp(1, 4, 0, 1)], seen(power(2.2))),
        ([cicp(12, 13, 0, 1), ICCP], seen(primaries="P3")),
        ([ICCP, chunk(b"sRGB", b"\0"), gama(1)], np.array([50, 200, 100])),
        ([gama(1), gama(1 / 2.2)], seen(power(1))),
    ],
)
def test_chunks_of_png(chunks: list[bytes], expected: np.ndarray, depth: int) -> None:
    pixel = bytes(COLOUR) if depth == 8 else struct.pack(">3H", *(257 * level for level in COLOUR))
    content = png((4, 4, depth, 2), (b"\0" + pixel * 4) * 4, *chunks)
    assert np.abs(read_image(content)[1, 1] - expected).max() <= 2


@pytest.mark.parametrize(
    "chunks",
    [
        [gama(1 / 2.2)], [gama(1 / 2.2), CHRM_SRGB], [gama(1), CHRM_P3, chunk(b"sRGB", b"\0")],
        [cicp(1, 13, 0, 1), ICCP, gama(1)], [cicp(2, 2, 0, 1)], [cicp(1, 1, 0, 1)],
        [gama(0)], [chrm(*[0] * 8)], [chunk(b"iCCP", b"x\0\0no zlib")], [chunk(b"gAMA", b"")],
    ],
)  # fmt: skip
def test_chunks_of_srgb_change_nothing(chunks: list[bytes]) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(8, 8, 3), dtype=np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    after = gama(1) + CHRM_P3  # too late
    assert np.array_equal(read_image(png((8, 8, 8, 2), rows, *chunks, after=after)), pixels)


@pytest.mark.parametrize(
    ("codes", "reason"),
    [((9, 16, 0, 1), "PQ"), ((9, 18, 0, 1), "HLG"), ((22, 13, 0, 1), "22/13"), ((1, 13, 0, 0), "video")],
)
def test_hdr_and_rare_colours_of_png_are_refused(codes: tuple[int, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=rf"a\.png: .*{reason}.* not read; convert it"):
        read_image(png((1, 1, 8, 2), bytes(4), cicp(*codes)), "a.png")


@pytest.mark.parametrize(
    ("codes", "expected"),
    [((12, 13), seen(primaries="P3")), ((1, 8), seen(power(1))), ((1, 1), COLOUR), ((9, 16), None)],
)
def test_codes_of_avif(codes: tuple[int, int], expected: np.ndarray | None) -> None:
    content = encoded(Image.new("RGB", (16, 16), COLOUR), "AVIF", **EXACT["AVIF"])
    place = content.index(b"colrnclx") + 8
    content = content[:place] + struct.pack(">2H", *codes) + content[place + 4 :]
    if expected is None:
        with pytest.raises(ValueError, match=r"a\.avif: .*PQ.* not read; convert it"):
            read_image(content, "a.avif")
    else:
        assert np.abs(read_image(content)[8, 8] - expected).max() <= 3
