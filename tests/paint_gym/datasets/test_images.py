"""Reading pictures: every format trap with its exact pixels, and what is refused by name."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from picture_files import EXACT, bmp, chunk, encoded, noise, photo, png, tiff, turned
from PIL import Image, ImageFile

from paint_gym.datasets import picture_size, read_image, square

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
FORMATS = ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "PPM"]


def row_of(content: bytes) -> list[int]:
    """The red of the first row."""
    return read_image(content)[0, :, 0].tolist()


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_are_told_by_content_and_pixels_may_be_written_to(kind: str, tmp_path: Path) -> None:
    cells = np.array([[RED, GREEN, BLUE], [WHITE, (0, 0, 0), RED]], np.uint8)
    pixels = cells.repeat(16, 0).repeat(16, 1)  # so that JPEG keeps them apart
    (tmp_path / "photo.xyz").write_bytes(encoded(Image.fromarray(pixels), kind, **EXACT.get(kind, {})))
    result = read_image(tmp_path / "photo.xyz")
    assert result.dtype == np.uint8 and result.shape == pixels.shape
    assert np.abs(result.astype(int) - pixels)[8::16, 8::16].max() <= (4 if kind in ("JPEG", "AVIF") else 0)
    result[:] = 0


# Where the corner that is red on screen is stored, by orientation: (row, column) of the stored 2 x 3 picture.
STORED_CORNER = {1: (0, 0), 2: (0, 2), 3: (1, 2), 4: (1, 0), 5: (0, 0), 6: (1, 0), 7: (1, 2), 8: (0, 2)}


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits", "lzma", "zstd"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_kinds_of_tiff(mode: str, compression: str | None) -> None:
    deep = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    image = photo(40)
    if mode in deep:
        grey = np.asarray(image.convert("L"))
        image, expected = Image.fromarray(grey.astype(deep[mode]) * (1 if mode == "F" else 257)), grey
    else:
        image = image.convert(mode)
        expected = np.asarray(image.convert("RGB").convert("L"))
    result = read_image(encoded(image, "TIFF", compression=compression))
    np.testing.assert_array_equal(np.asarray(Image.fromarray(result).convert("L")), expected)


PALETTE, RGB5 = bytes([0, 0, 255, 0, 0, 255, 0, 0]), struct.pack("<2H", 0x7C00, 0x3E0)
BGRX, BGRA = bytes([0, 0, 255, 0, 0, 255, 0, 0]), bytes([0, 0, 255, 255, 0, 255, 0, 255])
BMPS = {
    "1": bmp(1, b"\x40\0\0\0", palette=PALETTE),
    "4": bmp(4, b"\x01\0\0\0", palette=PALETTE),
    "8": bmp(8, b"\0\1\0\0", palette=PALETTE),
    "RLE of 8": bmp(8, bytes([1, 0, 1, 1, 0, 0, 0, 1]), 1, palette=PALETTE),
    "RLE of 4": bmp(4, bytes([2, 1, 0, 0, 0, 1]), 2, palette=PALETTE),
    "16": bmp(16, RGB5),
    "16, 5 bits a colour": bmp(16, RGB5, 3, (0x7C00, 0x3E0, 0x1F)),
    "16, 5, 6 and 5 bits": bmp(16, struct.pack("<2H", 0xF800, 0x7E0), 3, (0xF800, 0x7E0, 0x1F)),
    "24": bmp(24, bytes([0, 0, 255, 0, 255, 0, 0, 0])),
    "32": bmp(32, BGRX),
    "32 in version 4": bmp(32, BGRX, 3, (0xFF0000, 0xFF00, 0xFF, 0), 108),
    "32 in version 5, blue first": bmp(32, BGRA, 3, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 124),
    "32 in version 5, red first": bmp(32, BGRA, 3, (0xFF, 0xFF00, 0xFF0000, 0xFF000000), 124),
    "OS/2": b"BM" + struct.pack("<4I4H", 0, 0, 26, 12, 2, 1, 1, 24) + bytes([0, 0, 255, 0, 255, 0, 0, 0]),
}


@pytest.mark.parametrize("kind", BMPS)
def test_kinds_of_bmp(kind: str) -> None:
    first = BLUE if "red first" in kind else RED
    assert read_image(BMPS[kind]).tolist() == [[list(first), list(GREEN)]]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", STORED_CORNER)
def test_exif_orientation_is_applied_once(orientation: int, kind: str) -> None:
    pixels = np.zeros((32, 48, 3), np.uint8)  # cells of 16 x 16, so that JPEG keeps them apart
    row, column = STORED_CORNER[orientation]
    pixels[16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = RED
    content = encoded(Image.fromarray(pixels), kind, exif=turned(orientation))
    result = read_image(content)
    assert result.shape == ((48, 32, 3) if orientation >= 5 else (32, 48, 3))
    assert picture_size(content) == result.shape[:2]
    assert np.abs(result[4:12, 4:12].astype(int) - RED).max() < 12 and result[20:, 20:].max() < 12


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 256, 257, 32768, 65535]], np.uint16), [0, 1, 1, 128, 255]),
        (np.array([[0, 32768, 65535]], np.int32), [0, 128, 255]),  # the range of 16 bits
        (np.array([[-100, 0, 100]], np.int32), [0, 128, 255]),  # stretched
        (np.array([[0, 2**30, 2**31 - 1]], np.int32), [0, 128, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[-5.0, -5.0]], np.float32), [0, 0]),  # flat: nothing to stretch
    ],
)
def test_greys_keep_their_range(values: np.ndarray, expected: list[int]) -> None:
    for kind in ("TIFF", "PNG", "PPM") if values.dtype == np.uint16 else ("TIFF",):
        assert row_of(encoded(Image.fromarray(values), kind)) == expected


def test_other_depths_of_tiff() -> None:
    for top in (65535, 2**31, 2**32 - 1):  # without a sign
        assert row_of(tiff(struct.pack("<3I", 0, top // 2 + 1, top), t258=32)) == [0, 128, 255]
    assert row_of(tiff(b"\x00\x08\x00\xff\xf0", t258=12)) == [0, 128, 255]
    short, floats = struct.pack("<3H", 0, 32768, 65535), struct.pack("<3f", 0, 32768 / 65535, 1)
    for photometric, expected in ((1, [0, 128, 255]), (0, [255, 127, 0])):  # 0 is white
        assert row_of(tiff(short, t258=16, t262=photometric)) == expected
        assert row_of(tiff(floats, t258=32, t262=photometric, t339=3)) == expected


def test_transparency_is_painted_on_white() -> None:
    rgba = Image.fromarray(np.array([[(255, 0, 0, 255), (255, 0, 0, 0), (255, 0, 0, 128)]], np.uint8))
    clear, half = list(WHITE), [255, 127, 127]
    assert read_image(encoded(rgba, "PNG"))[0].tolist() == [list(RED), clear, half]
    grey_alpha = Image.fromarray(np.array([[(9, 255), (9, 0)]], np.uint8), "LA")
    assert read_image(encoded(grey_alpha, "PNG"))[0].tolist() == [[9, 9, 9], clear]
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([*RED, *GREEN, *BLUE])
    assert read_image(encoded(image, "PNG"))[0].tolist() == [list(RED), list(GREEN), list(BLUE)]
    for kind in ("PNG", "GIF"):
        pixels = read_image(encoded(image, kind, transparency=1))
        assert pixels[0].tolist() == [list(RED), clear, list(BLUE)]


@pytest.mark.parametrize(
    ("depth", "row", "width", "clear", "expected"),
    [
        (16, struct.pack(">3H", 0, 32768, 65535), 3, 0, [255, 128, 255]),
        (8, bytes([0, 100, 200]), 3, 100, [0, 255, 200]),
        (4, bytes([0x05]), 2, 5, [0, 255]),
        (2, bytes([0b00011011]), 4, 2, [0, 85, 255, 255]),
        (1, bytes([0b10101010]), 8, 0, [255] * 8),
    ],
)
def test_transparent_greys(depth: int, row: bytes, width: int, clear: int, expected: list[int]) -> None:
    transparent = chunk(b"tRNS", struct.pack(">H", clear))
    assert row_of(png((width, 1, depth, 0), b"\0" + row, transparent)) == expected


def test_transparent_colours_of_16_bits() -> None:
    row = b"\0" + struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0x3412, 0x7856, 0xBC9A)
    picture = read_image(png((2, 1, 16, 2), row, chunk(b"tRNS", row[1:7])))
    assert picture.tolist() == [[[255, 255, 255], [0x34, 0x78, 0xBC]]]


def test_cmyk_jpeg_is_not_inverted() -> None:
    # No ink is white; full magenta and yellow is red. Pillow writes it inverted, as Adobe does.
    for ink, colour in (((0, 0, 0, 0), WHITE), ((0, 255, 255, 0), RED)):
        content = encoded(Image.new("CMYK", (8, 8), ink), "JPEG", quality=95)
        marker = content.index(b"\xff\xee")
        unmarked = content[:marker] + content[marker + 2 + content[marker + 3] :]
        assert b"Adobe" in content and b"Adobe" not in unmarked
        for jpeg in (content, unmarked):
            assert np.abs(read_image(jpeg)[4, 4].astype(int) - colour).max() <= 5


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_the_first_frame_of_many(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **EXACT.get(kind, {}))
    assert np.abs(read_image(content)[8, 8].astype(int) - RED).max() <= (5 if kind == "MPO" else 0)


def test_a_hidden_picture_before_an_animation_is_not_its_first_frame() -> None:
    frames = [Image.new("RGBA", (9, 5), colour) for colour in (GREEN, (*RED, 0), BLUE)]
    content = encoded(frames[0], "PNG", save_all=True, default_image=True, append_images=frames[1:])
    assert (read_image(content) == 255).all() and picture_size(content) == (5, 9)
    place = content.index(b"fcTL") + 8  # after its number: width and height
    small = content[:place] + struct.pack(">2I", 4, 5) + content[place + 8 :]
    with pytest.raises(ValueError, match=r"a\.png: a PNG animation whose first frame .* is not read"):
        read_image(small, "a.png")


@pytest.mark.parametrize("behind", [255, 0])
def test_a_gif_that_is_smaller_than_its_screen_is_on_nothing(behind: int) -> None:
    content = encoded(Image.new("RGB", (4, 3), RED), "GIF")
    place = content.rindex(b",\0\0\0\0\4\0\3\0")
    screen, corner = struct.pack("<2H", 9, 8), struct.pack("<2H", 2, 1)
    content = content[:6] + screen + content[10 : place + 1] + corner + content[place + 5 :]
    expected = np.full((8, 9, 3), behind)
    expected[1:4, 2:6] = RED
    np.testing.assert_array_equal(read_image(content, behind=behind), expected)


def test_texts_and_checksums_beside_a_png_do_not_matter() -> None:
    rows = (b"\0" + bytes([200, 100, 50]) * 8) * 8
    words = np.random.default_rng(0).integers(32, 126, 1_500_000, dtype=np.uint8).tobytes()
    beside = [chunk(b"zTXt", b"a\0\0no zlib"), chunk(b"zTXt", b"a\0\0" + zlib.compress(words, 1))]
    beside += [chunk(kind, b"a\0b", 1234) for kind in (b"tEXt", b"tIME", b"iCCP", b"gAMA", b"eXIf")]
    for content in (png((8, 8, 8, 2), rows, *beside), png((8, 8, 8, 2), rows, after=b"".join(beside))):
        assert (read_image(content) == [200, 100, 50]).all() and picture_size(content) == (8, 8)
    with pytest.raises(ValueError, match=r"a\.png: .*header is damaged"):
        read_image(png((8, 8, 8, 2), rows, chunk(b"PLTE", bytes(3), 1234)), "a.png")


# Refused


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"t254": 1}, "a camera's raw file, or a TIFF that begins with a preview"),
        ({"t50706": 1025}, "a camera's raw file"),
        ({"t258": 16, "t262": 2, "t277": 3, "t284": 2}, "of 16 bits or with transparency"),
        ({"t277": 2, "t284": 2, "t338": 2}, "of 16 bits or with transparency"),
        ({"t262": 6, "t277": 3}, "in YCbCr"),
        ({"t258": 32, "t259": 8, "t339": 2, "order": ">"}, "of compressed, big-endian numbers"),
        ({"t339": 2}, "of signed bytes"),
    ],
)
def test_tiffs_that_are_not_read_say_so(tags: dict, reason: str) -> None:
    for read in (read_image, picture_size):
        with pytest.raises(ValueError, match=f"a.tif: .*{reason}.* not read; convert it") as error:
            read(tiff(bytes(36), **tags), "a.tif")
        assert "damaged" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html>not found</html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),  # would start Ghostscript
        (tiff(bytes(24), t258=64, t339=3), "not an image.*64-bit floats.*converted.* magick picture.tif"),
    ],
)
def test_other_files_are_named(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "page.png").write_bytes(content)
    for read in (read_image, picture_size):
        with pytest.raises(ValueError, match=rf"page\.png: .*{reason}"):
            read(tmp_path / "page.png")
        with pytest.raises(ValueError, match=f"^upload 3: .*{reason}"):
            read(content, "upload 3")
        with pytest.raises(FileNotFoundError, match=r"absent\.png"):
            read(tmp_path / "absent.png")


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("kind", [*FORMATS, "progressive JPEG"])
def test_a_truncated_file_is_named_once(tmp_path: Path, kind: str, part: float) -> None:
    options = {"quality": 90, "progressive": True} if kind == "progressive JPEG" else {}
    content = encoded(photo() if "JPEG" in kind else noise(), kind.split()[-1], **options)
    (tmp_path / "cut.x").write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match=r"cut\.x: ") as error:
        read_image(tmp_path / "cut.x")
    assert str(error.value).count("cut.x") == 1


def of_size(kind: str, side: int) -> bytes:
    """A small file whose header says a side, with hardly any pixels."""
    if kind == "PNG":
        return png((side, side, 8, 2), b"\0" * 99)
    if kind == "TIFF":
        return tiff(b"", t256=side, t257=side, t278=side)
    content = encoded(Image.new("RGB", (77, 77)), kind)
    old = {"BMP": "<2I", "GIF": "<2H", "JPEG": ">2H", "WEBP": "<2H", "AVIF": ">2I"}.get(kind)
    if old is None:
        return content.replace(b"77 77", b"%d %d" % (side, side))
    return content.replace(struct.pack(old, 77, 77), struct.pack(old, side, side))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_huge_picture_is_refused_before_decoding(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    for side in (10_001, 16_000):  # over our limit; and over Pillow's warning
        with warnings.catch_warnings(), pytest.raises(ValueError, match=r"bomb: refused, .* too large"):
            warnings.simplefilter("ignore")
            read_image(of_size(kind, side), "bomb")


def test_limits() -> None:
    content = encoded(Image.new("RGB", (10, 10)), "PNG")
    assert read_image(content, max_pixels=100).shape == (10, 10, 3)
    with pytest.raises(ValueError, match="10 x 10 pixels, more than the limit of 99"):
        read_image(content, max_pixels=99)


# Reduced, and cut to squares


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "I;16", "F", "CMYK"])
def test_reduced_by_a_whole_number(mode: str) -> None:
    image = photo(61).crop((0, 0, 61, 37))
    deep = {"I;16": np.uint16, "F": np.float32}.get(mode)
    image = image.convert(mode) if deep is None else Image.fromarray(np.asarray(image)[..., 0].astype(deep))
    kind = "TIFF" if mode in ("F", "CMYK") else "PNG"
    whole, small = (read_image(encoded(image, kind), at_least=side) for side in (None, 12))
    np.testing.assert_array_equal(small, np.asarray(Image.fromarray(whole).reduce(3)))
    if kind == "PNG":
        result = read_image(encoded(image, kind, exif=turned(6)), at_least=12)
        np.testing.assert_array_equal(result, np.rot90(small, -1))


def test_a_reduced_jpeg_keeps_the_pixels_asked_for() -> None:
    content = encoded(Image.new("RGB", (800, 640), GREEN), "JPEG")
    assert read_image(content).shape == (640, 800, 3)
    assert read_image(content, at_least=128).shape == (160, 200, 3)
    assert read_image(content, at_least=10_000).shape == (640, 800, 3)


@pytest.mark.parametrize("shape", [(16, 30), (30, 16), (16, 17)])
def test_square_cuts_the_centre(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    top, left = (shape[0] - 16) // 2, (shape[1] - 16) // 2
    np.testing.assert_array_equal(square(image, 16), image[top : top + 16, left : left + 16])


def test_square_averages_when_it_shrinks_but_nothing_outside_its_crop() -> None:
    image = np.full((64, 128, 3), 255, np.uint8)
    image[:, 32:96] = 40
    assert np.unique(square(image, 16)).tolist() == [40]
    checks = np.indices((256, 256)).sum(axis=0) % 2 * 255  # aliasing would leave black or white
    shrunk = square(np.repeat(checks[:, :, None], 3, axis=2).astype(np.uint8), 16)
    assert abs(shrunk.astype(float).mean() - 127.5) < 2 and shrunk.std() < 8
    assert (square(np.full((1, 1, 3), 9, np.uint8), 32) == 9).all()
