"""Reading pictures: every format trap with its exact pixels, and what is refused by name."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile, features

from paint_gym.datasets import images, picture_size, read_image, square

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a picture in a format."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def grey16(values: list[list[int]]) -> Image.Image:
    return Image.fromarray(np.array(values, np.uint16))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "PPM"])
def test_lossless_formats_give_exact_pixels(kind: str) -> None:
    pixels = np.array([[RED, GREEN, BLUE], [WHITE, (0, 0, 0), RED]], np.uint8)
    result = read_image(encoded(Image.fromarray(pixels), kind))
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, pixels)


def test_lossless_webp_gives_exact_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    np.testing.assert_array_equal(read_image(encoded(Image.fromarray(pixels), "WEBP", lossless=True)), pixels)


def test_reads_a_path_and_the_result_may_be_written_to(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), RED).save(tmp_path / "one.png")
    result = read_image(tmp_path / "one.png")
    assert result.tolist() == [[list(RED)]]
    result[:] = 0


def test_the_content_counts_and_not_the_ending(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(encoded(Image.new("RGB", (2, 2), GREEN), "PNG"))
    assert read_image(tmp_path / "photo.jpg")[0, 0].tolist() == list(GREEN)


# Where the corner that is red on screen is stored, by orientation: (row, column) of the stored 2 x 3 picture.
STORED_CORNER = {1: (0, 0), 2: (0, 2), 3: (1, 2), 4: (1, 0), 5: (0, 0), 6: (1, 0), 7: (1, 2), 8: (0, 2)}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(orientation: int, kind: str) -> None:
    pixels = np.zeros((32, 48, 3), np.uint8)  # cells of 16 x 16, so that JPEG keeps them apart
    row, column = STORED_CORNER[orientation]
    pixels[16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = RED
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = read_image(encoded(Image.fromarray(pixels), kind, exif=exif))
    assert result.shape == ((48, 32, 3) if orientation >= 5 else (32, 48, 3))
    expected = np.zeros_like(result)
    expected[:16, :16] = RED
    assert np.abs(result.astype(int) - expected)[4:12, 4:12].max() < 12
    assert result[20:, 20:].max() < 12


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_lose_the_picture() -> None:
    content = encoded(
        Image.new("RGB", (8, 8), GREEN), "JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xffrubbish"
    )
    assert read_image(content).shape == (8, 8, 3)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_not_clipped(kind: str) -> None:
    result = read_image(encoded(grey16([[0, 256, 257, 32768, 65535]]), kind))
    assert result[0, :, 0].tolist() == [0, 1, 1, 128, 255]
    assert (result == result[:, :, :1]).all()


def test_16_bit_pgm_is_scaled_and_not_clipped() -> None:
    content = b"P5 3 1 65535\n" + struct.pack(">3H", 0, 32768, 65535)
    assert read_image(content)[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
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
def test_32_bit_greys_keep_their_range(values: np.ndarray, expected: list[int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert read_image(encoded(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == expected


def test_transparency_is_painted_on_white() -> None:
    rgba = Image.fromarray(np.array([[(255, 0, 0, 255), (255, 0, 0, 0), (255, 0, 0, 128)]], np.uint8))
    clear, half = list(WHITE), [255, 127, 127]
    assert read_image(encoded(rgba, "PNG"))[0].tolist() == [list(RED), clear, half]
    grey_alpha = Image.fromarray(np.array([[(9, 255), (9, 0)]], np.uint8), "LA")
    assert read_image(encoded(grey_alpha, "PNG"))[0].tolist() == [[9, 9, 9], clear]


def test_palettes_with_and_without_transparency() -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([*RED, *GREEN, *BLUE])
    assert read_image(encoded(image, "PNG"))[0].tolist() == [list(RED), list(GREEN), list(BLUE)]
    for kind in ("PNG", "GIF"):
        pixels = read_image(encoded(image, kind, transparency=1))
        assert pixels[0].tolist() == [list(RED), list(WHITE), list(BLUE)]


def test_a_transparent_colour_without_an_alpha_plane_is_white() -> None:
    image = Image.fromarray(np.array([[RED, GREEN]], np.uint8))
    assert read_image(encoded(image, "PNG", transparency=RED))[0].tolist() == [list(WHITE), list(GREEN)]
    grey = Image.fromarray(np.array([[3, 200]], np.uint8))
    assert read_image(encoded(grey, "PNG", transparency=3))[0, :, 0].tolist() == [255, 200]


def test_black_and_white_and_grey() -> None:
    one_bit = Image.fromarray(np.array([[True, False]]))
    assert read_image(encoded(one_bit, "PNG"))[0].tolist() == [[255] * 3, [0] * 3]
    assert read_image(encoded(Image.new("L", (1, 1), 77), "PNG")).tolist() == [[[77] * 3]]


def test_cmyk_jpeg_is_not_inverted() -> None:
    # No ink is white; full magenta and yellow is red. Pillow writes it inverted, as Adobe does.
    content = encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG")
    assert b"Adobe" in content
    assert read_image(content).min() >= 253
    red = read_image(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95))[4, 4]
    assert red[0] >= 250 and red[1:].max() <= 5
    tiff = read_image(encoded(Image.new("CMYK", (2, 2), (0, 255, 255, 0)), "TIFF"))
    assert tiff[0, 0].tolist() == list(RED)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_many(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert read_image(content)[4, 4].tolist() == list(RED)


def test_a_phone_picture_with_several_frames_is_a_jpeg() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    pixel = read_image(encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]))[8, 8]
    assert pixel[0] > 250 and pixel[2] < 5


def noise(side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_named(tmp_path: Path, kind: str, kept: float) -> None:
    content = encoded(noise(), kind)
    path = tmp_path / f"cut.{kind.lower()}"
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=r"cut\.\w+: "):
        read_image(path)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "nothing.jpg").touch()
    with pytest.raises(ValueError, match=r"nothing\.jpg: the file is empty"):
        read_image(tmp_path / "nothing.jpg")


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_text("<html>not found</html>")
    with pytest.raises(ValueError, match=r"page\.png: not an image"):
        read_image(tmp_path / "page.png")
    with pytest.raises(ValueError, match=r"upload 3: not an image"):
        read_image(
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "upload 3"
        )  # would start Ghostscript


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.png"):
        read_image(tmp_path / "absent.png")


@pytest.mark.filterwarnings("ignore")  # Pillow also warns of damage
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
def test_flipped_bytes_never_raise_anything_else(kind: str) -> None:
    content = encoded(noise(24), kind)
    rng = np.random.default_rng(1)
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, min(len(content), 400), 4):
            damaged[place] = rng.integers(256)
        try:
            assert read_image(bytes(damaged), "damaged", max_pixels=1_000_000).shape[2] == 3
        except ValueError as error:
            assert "damaged" in str(error)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header says any size, with hardly any pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "side", [10_001, 12_000, 40_000]
)  # over our limit; and over Pillow's warning and error
def test_a_decompression_bomb_is_refused_before_decoding(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=r"bomb\.png: refused, the picture is too large"):
            read_image(png_of_size(side, side), "bomb.png")


def test_pillows_warning_as_an_error_is_the_same_refusal() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"bomb\.png: refused"):
            read_image(png_of_size(9_900, 9_900), "bomb.png")


def test_the_limit_is_a_parameter_and_is_inclusive() -> None:
    content = encoded(Image.new("RGB", (10, 10)), "PNG")
    assert read_image(content, max_pixels=100).shape == (10, 10, 3)
    with pytest.raises(ValueError, match="10 x 10 pixels, more than the limit of 99"):
        read_image(content, max_pixels=99)


def test_pillows_settings_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)
    read_image(encoded(noise(), "PNG"), max_pixels=10**12)
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before


def test_a_reduced_jpeg_keeps_the_pixels_asked_for() -> None:
    content = encoded(Image.new("RGB", (800, 640), GREEN), "JPEG")
    assert read_image(content).shape == (640, 800, 3)
    assert read_image(content, at_least=128).shape == (160, 200, 3)
    assert read_image(content, at_least=10_000).shape == (640, 800, 3)


def test_reads_in_threads_at_once() -> None:
    content = encoded(noise(), "WEBP", lossless=True)
    results: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: results.append(read_image(content))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    for result in results:
        np.testing.assert_array_equal(result, np.asarray(noise()))


def photo(side: int = 320) -> Image.Image:
    """Something with detail everywhere, so that each byte of its JPEG shows."""
    y, x = np.mgrid[:side, :side]
    waves = [127 + 60 * np.sin(x / 5 + c) * np.cos(y / 7) + 60 * np.sin(x * y / 300 + c) for c in range(3)]
    return Image.fromarray(np.stack(waves, -1).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("lacking", [1, 2, 3])
def test_a_jpeg_that_lacks_its_last_bytes_is_read(lacking: int, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    content = encoded(photo(), "JPEG", quality=90, exif=exif)
    whole, cut = read_image(content), read_image(content[:-lacking])
    assert (cut != whole).any(2).mean() < 0.01
    if lacking <= 2:  # the end marker, and nothing else
        np.testing.assert_array_equal(cut, whole)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.98])
def test_a_jpeg_that_lacks_more_says_what_to_do(kept: float, progressive: bool, tmp_path: Path) -> None:
    content = encoded(photo(), "JPEG", quality=90, progressive=progressive)
    path = tmp_path / "cut.jpg"
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=r"^.*cut\.jpg: the JPEG is cut off; fetch the file again") as error:
        read_image(path)
    assert str(error.value).count("cut.jpg") == 1


def test_a_progressive_jpeg_that_is_cut_off_at_the_end_of_a_scan_is_refused() -> None:
    content = encoded(photo(), "JPEG", quality=85, progressive=True)
    scans = [i for i in range(len(content) - 1) if content[i : i + 2] == b"\xff\xda"]
    for end in [*scans[1:], len(content) - 2]:
        with pytest.raises(ValueError, match="cut off"):
            read_image(content[:end])


def test_what_follows_the_end_of_a_jpeg_does_not_matter() -> None:
    content = encoded(photo(), "JPEG", quality=90)
    np.testing.assert_array_equal(read_image(content + b"film" * 1000), read_image(content))


def test_a_tiff_of_another_kind_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    tifffile = pytest.importorskip("tifffile")  # comes with scikit-image
    tifffile.imwrite(path, np.zeros((8, 8), np.float64))
    with pytest.raises(ValueError, match=r"deep\.tif: a TIFF of a kind .* magick picture\.tif"):
        read_image(path)


@pytest.mark.parametrize("shape", [(16, 30), (30, 16), (16, 17)])
def test_square_cuts_the_centre(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    top, left = (shape[0] - 16) // 2, (shape[1] - 16) // 2
    np.testing.assert_array_equal(square(image, 16), image[top : top + 16, left : left + 16])


def test_square_does_not_take_colour_from_outside_its_crop() -> None:
    image = np.full((64, 128, 3), 255, np.uint8)
    image[:, 32:96] = 40
    assert np.unique(square(image, 16)).tolist() == [40]


def test_square_averages_when_it_shrinks_and_enlarges_small_pictures() -> None:
    checks = (
        np.indices((256, 256)).sum(axis=0) % 2 * 255
    )  # one pixel each: aliasing would leave black or white
    shrunk = square(np.repeat(checks[:, :, None], 3, axis=2).astype(np.uint8), 16)
    assert abs(shrunk.astype(float).mean() - 127.5) < 2 and shrunk.std() < 8
    assert (square(np.full((1, 1, 3), 9, np.uint8), 32) == 9).all()


def turned_profile() -> bytes:
    """sRGB whose primaries are turned round: the file's red is green."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"tXYZ"), (b"gXYZ", b"rXYZ"), (b"bXYZ", b"gXYZ"), (b"tXYZ", b"bXYZ")):
        icc = icc.replace(old, new)
    return icc


KINDS = {
    "PNG": {}, "JPEG": {"quality": 100, "subsampling": 0}, "TIFF": {}, "WEBP": {"lossless": True},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_colour_profiles_count(kind: str) -> None:
    file, mode = io.BytesIO(), "RGBA" if kind == "PNG" else "RGB"
    Image.new(mode, (16, 16), (200, 100, 50)).save(file, kind, icc_profile=turned_profile(), **KINDS[kind])
    assert np.abs(read_image(file.getvalue())[8, 8].astype(int) - [50, 200, 100]).max() <= 1


def linear_profile(grey: bool) -> bytes:
    """Linear light, though its name says sRGB."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    curve = icc.index(b"para") + 8  # the function's type, and its numbers as 16.16
    assert icc[curve : curve + 2] == b"\0\3"
    icc = icc[: curve + 4] + struct.pack(">5i", 65536, 65536, 0, 65536, 0) + icc[curve + 24 :]
    return icc.replace(b"rTRC", b"kTRC").replace(b"RGB XYZ", b"GRAYXYZ", 1) if grey else icc


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "I;16"])
def test_linear_light(mode: str) -> None:
    levels = np.array([[0, 50, 128, 200, 255]], dtype=np.uint8)
    light = levels / 255
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    deep = Image.fromarray(levels.astype(np.uint16) * 257)
    image, file = deep if mode == "I;16" else Image.fromarray(levels).convert(mode), io.BytesIO()
    image.save(file, "PNG", icc_profile=linear_profile(grey="RGB" not in mode))
    assert np.abs(read_image(file.getvalue()) - expected[:, :, None]).max() <= 1


@pytest.mark.parametrize("profile", ["sRGB", "bad", "grey"])
def test_profiles_that_change_nothing(profile: str) -> None:
    """sRGB itself to the last bit; one that is damaged, or for another kind of picture, as viewers do."""
    icc = {"sRGB": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), "bad": b"no profile"}
    pixels, file = np.random.default_rng(0).integers(256, size=(20, 20, 3), dtype=np.uint8), io.BytesIO()
    mode = "L" if profile == "grey" else "RGB"
    Image.fromarray(pixels).convert(mode).save(file, "PNG", icc_profile=icc.get(profile, icc["sRGB"]))
    expected = np.asarray(Image.fromarray(pixels).convert(mode).convert("RGB"))
    assert np.array_equal(read_image(file.getvalue()), expected)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


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
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, 1, depth, 0, 0, 0, 0))
    png += chunk(b"tRNS", struct.pack(">H", clear)) + chunk(b"IDAT", zlib.compress(b"\0" + row))
    assert read_image(png + chunk(b"IEND", b""))[0, :, 0].tolist() == expected


@pytest.mark.parametrize(("photometric", "expected"), [(1, [0, 128, 255]), (0, [255, 127, 0])])
@pytest.mark.parametrize("kind", ["16 bits", "floats"])
def test_tiffs_in_which_0_is_white(kind: str, photometric: int, expected: list[int]) -> None:
    floats = struct.pack("<3f", 0, 32768 / 65535, 1)
    data = struct.pack("<3H", 0, 32768, 65535) if kind == "16 bits" else floats
    bits, form = (16, 1) if kind == "16 bits" else (32, 3)
    tags = [(256, 3), (257, 1), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1), (278, 1)]
    tags += [(279, len(data)), (339, form)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in tags)
    tiff = b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + bytes(4)
    assert read_image(tiff)[0, :, 0].tolist() == expected


def test_avif(tmp_path: Path) -> None:
    if not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    Image.new("RGB", (16, 16), (200, 100, 50)).save(tmp_path / "a.avif", quality=100)
    assert np.abs(read_image(tmp_path / "a.avif")[8, 8].astype(int) - [200, 100, 50]).max() <= 4


def test_transparent_colour_of_16_bits() -> None:
    colours = [(0x1234, 0x5678, 0x9ABC), (0x3412, 0x7856, 0xBC9A)]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
    clear = chunk(b"tRNS", struct.pack(">3H", *colours[0]))
    data = chunk(b"IDAT", zlib.compress(b"\0" + b"".join(struct.pack(">3H", *each) for each in colours)))
    picture = read_image(b"\x89PNG\r\n\x1a\n" + header + clear + data + chunk(b"IEND", b""))
    assert picture.tolist() == [[[255, 255, 255], [0x34, 0x78, 0xBC]]]


def all_kinds() -> dict[str, bytes]:
    """Pictures of 37 x 61 of every way that they are converted."""
    rgb, exif = np.asarray(photo(61))[:37], Image.Exif()
    image, grey = Image.fromarray(rgb), Image.fromarray(rgb[..., 0])
    deep = rgb[..., 0].astype(np.uint16) * 200
    exif[0x112] = 6
    rgba = Image.fromarray(np.concatenate([rgb, rgb[..., :1]], -1))
    palette = image.quantize(16)
    return {
        "RGB": encoded(image, "PNG"),
        "turned": encoded(image, "PNG", exif=exif),
        "JPEG": encoded(image, "JPEG"),
        "RGBA": encoded(rgba, "PNG"),
        "grey": encoded(grey, "PNG", transparency=rgb[0, 0, 0].item()),
        "palette": encoded(palette, "GIF", transparency=3),
        "16 bits": encoded(Image.fromarray(deep), "PNG"),
        "float": encoded(Image.fromarray(deep.astype(np.float32) - 900), "TIFF"),
        "CMYK": encoded(image.convert("CMYK"), "TIFF"),
        "profile": encoded(image, "PNG", icc_profile=turned_profile()),
        "transparent colour": encoded(image, "PNG", transparency=tuple(rgb[0, 0].tolist())),
    }


@pytest.mark.parametrize("kind", all_kinds())
def test_bands_are_seamless(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = all_kinds()[kind]
    whole, small = read_image(content), read_image(content, at_least=12)
    assert whole.shape == ((61, 37, 3) if kind == "turned" else (37, 61, 3))
    assert min(small.shape[:2]) >= 12 and whole.std() > 10
    for band in (200, 20):  # narrower than the picture, too
        monkeypatch.setattr(images, "BAND", band)
        np.testing.assert_array_equal(read_image(content), whole)
        np.testing.assert_array_equal(read_image(content, at_least=12), small)
    if kind not in ("JPEG", "turned"):  # those are reduced before they are converted, or turned after it
        expected = np.asarray(Image.fromarray(whole).reduce(3))
        np.testing.assert_array_equal(small, expected)


def test_the_size_that_is_seen(tmp_path: Path) -> None:
    kinds, exif = all_kinds(), Image.Exif()
    exif[0x112] = 6
    for kind in ("TIFF", "WEBP", "JPEG"):
        kinds[f"turned {kind}"] = encoded(Image.new("RGB", (9, 5)), kind, exif=exif)
    for name, content in kinds.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert picture_size(path) == read_image(path).shape[:2]
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"turned JPEG: not an image"):
        picture_size(path)


PEAK = """
import resource, sys
from paint_gym.datasets import images
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
def read(path):
    try:
        return images.read_image(path, at_least=128)
    except ValueError as error:
        assert "too large" in str(error), error
from concurrent.futures import ThreadPoolExecutor
begin = peak()
with ThreadPoolExecutor(8) as pool:
    found = list(pool.map(read, sys.argv[1:]))
print(peak() - begin)
"""


@pytest.mark.slow
def test_decoders_share_a_budget(tmp_path: Path) -> None:
    """Pictures that are small files, and large ones in memory; at once, they take no more than one may."""
    side, files = 9_400, []
    for mode, kind in (("RGB", "PNG"), ("I;16", "PNG"), ("P", "GIF"), ("F", "TIFF"), ("RGB", "JPEG")):
        files.append(tmp_path / f"{len(files)}.{kind}")
        Image.new(mode, (side, side)).save(files[-1], compression="tiff_lzw" if kind == "TIFF" else None)
    files.append(tmp_path / "long.png")
    Image.new("RGB", (side * side, 1)).save(files[-1])
    for kind in ("WEBP", "AVIF"):
        files.append(tmp_path / f"{len(files)}.{kind}")
        Image.new("RGB", (5_500, 5_500)).save(files[-1], method=0, lossless=True, speed=10)
    done = subprocess.run([sys.executable, "-c", PEAK, *files], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 550


def test_a_progressive_jpeg_counts_all_its_coefficients() -> None:
    """Of a sampled colour JPEG, 3 bytes a pixel, whatever it is reduced to; of a CMYK one, 8."""
    for mode, each in (("RGB", 3), ("L", 2), ("CMYK", 8)):
        content = encoded(Image.new(mode, (640, 640)), "JPEG", progressive=True)
        with Image.open(io.BytesIO(content)) as image:
            image.draft(None, (80, 80))
            small = 80 * 80 * (1 if mode == "L" else 4)
            assert images._bytes_to_decode(image, 640 * 640) == 640 * 640 * each + small
        content = encoded(Image.new(mode, (640, 640)), "JPEG")
        with Image.open(io.BytesIO(content)) as image:
            assert images._bytes_to_decode(image, 640 * 640) == 640 * 640 * (1 if mode == "L" else 4)


def test_a_picture_that_takes_too_much_to_decode_says_what_would_do() -> None:
    content = encoded(Image.new("RGB", (8_000, 8_000)), "WEBP", method=0)
    with pytest.raises(
        ValueError, match=r"refused.*8000 x 8000 pixels, which take 1024 MB to decode, more than 500;"
    ):
        read_image(content)
