"""Reading pictures: any file a user may have, right way up, as 8-bit RGB; and cutting squares from them."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from paint_gym.datasets import png
from paint_gym.datasets.colour import NotRead, cicp_profile, to_srgb

MAX_PIXELS = 100_000_000
"""The most pixels a picture may have unless the caller says otherwise: 300 MB once decoded."""

# A closed list: Pillow also has formats that start programs (EPS: Ghostscript), whatever a file is called.
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "DIB", "TIFF", "PPM")
_HEADER = 100_000  # bytes at the start in which an AVIF's colours are looked for
_TOO_LARGE = "refused, the picture is too large"
_CONVERT = "magick picture.tif -depth 8 picture.png"
_ORIENTATION = 274  # of EXIF; and tags of TIFF
_SUBFILE, _BITS, _PHOTOMETRIC, _PLANES, _EXTRA, _SAMPLE, _DNG = 254, 258, 262, 284, 338, 339, 50706


def read_image(
    source: str | os.PathLike[str] | bytes,
    name: str | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    at_least: int | None = None,
    behind: int = 255,
) -> NDArray[np.uint8]:
    """Read a picture as 8-bit RGB, the way a viewer shows it.

    JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF and PPM, told by their content. The first frame of an animation;
    turned upright by its EXIF orientation; in sRGB, by its colour profile, a PNG's chunks, or an AVIF's CICP
    codes; transparency on white, or on `behind`; CMYK and palettes converted.
    Greys of more than 8 bits are scaled: 12 bits by 4095; 16 bits by 65535; 32-bit integers by 65535 if they
    lie in 0..65535; floats by 1 if they lie in 0..1, by 255 if they lie in 0..255; any other range is
    stretched to black and white.

    Args:
        source: a path, or the bytes of the file.
        name: its name in errors; the path if not given.
        max_pixels: a picture whose header says more is refused before it is decoded; Pillow's limit stays.
        at_least: the picture may be reduced by a whole number, as long as both sides keep this many pixels:
            a JPEG takes much less time and memory then. None: full size.
        behind: the grey, 0 to 255, that is seen where the picture is transparent.

    Returns:
        (H, W, 3) uint8 in 0..255, the caller's to keep.

    Raises:
        ValueError: empty, cut off, corrupt, of a kind that is not read, or of more than `max_pixels`; it says
            which file and why.
        OSError: the path cannot be opened.
    """
    with _opened(source, name) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise NotRead(f"{_TOO_LARGE}: {width} x {height} pixels, more than the limit of {max_pixels:,}")
        if at_least is not None:
            image.draft(None, (at_least, at_least))
        _scale_transparency(image)
        extent = image.tile[0][1] if image.format == "GIF" and image.tile else None
        image.load()
        rgb = _to_rgb(image, behind)
        if extent is not None and extent != (0, 0, *rgb.size):  # viewers show nothing around it
            inside, rgb = rgb.crop(extent), Image.new("RGB", rgb.size, (behind,) * 3)
            rgb.paste(inside, extent[:2])
        if at_least and (factor := min(rgb.size) // at_least) > 1:
            rgb = rgb.reduce(factor)
        return _upright(np.array(rgb, dtype=np.uint8), _orientation(image))


def picture_size(source: str | os.PathLike[str] | bytes, name: str | None = None) -> tuple[int, int]:
    """Height and width of a picture as it is seen, read from its header; arguments as of `read_image`.

    Raises:
        ValueError: not an image, or of a kind that is not read; it says which file.
        OSError: the path cannot be opened.
    """
    with _opened(source, name) as image:
        width, height = image.size
        return (width, height) if _orientation(image) >= 5 else (height, width)


def square(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Cut the largest centred square from a picture and resize it, up or down, with antialiasing.

    (H, W, 3) uint8 becomes (size, size, 3) uint8.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    x, y = (width - side) // 2, (height - side) // 2
    return resize_box(Image.fromarray(image), (x, y, x + side, y + side), size)


def resize_box(image: Image.Image, box: tuple[int, int, int, int], size: int) -> NDArray[np.uint8]:
    """Resize the box (left, top, right, bottom) of an RGB picture to a (size, size, 3) uint8 square."""
    # Not resize(box=...), whose filter also takes in pixels around the box. reducing_gap averages blocks
    # first: several times faster on large boxes, and it looks alike.
    resized = image.crop(box).resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.array(resized, dtype=np.uint8)


@contextmanager
def _opened(source: str | os.PathLike[str] | bytes, name: str | None) -> Iterator[ImageFile.ImageFile]:
    """Open a picture, with its profile in `info`; its errors become a `ValueError` that names the file."""
    name = name or ("image" if isinstance(source, bytes) else os.fspath(source))
    with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
        begin = file.read(_HEADER)
        if not begin:
            raise ValueError(f"{name}: the file is empty")
        try:
            chunks: dict[bytes, bytes] = {}
            clean: BinaryIO = file
            if begin.startswith(png.SIGNATURE):
                clean, chunks = png.first_frame(file)
            with Image.open(clean, formats=_FORMATS) as image:
                if isinstance(image, TiffImagePlugin.TiffImageFile):
                    _check_tiff(image)
                elif image.format == "PNG":
                    image.info["grey"] = grey = not begin[25] & 2  # of IHDR; Pillow reads some as RGBA
                    image.info["icc_profile"] = png.colour_profile(chunks, grey)
                    image.info["exif"] = chunks.get(b"eXIf", b"")  # without it Pillow decodes all to find it
                elif image.format == "AVIF" and not image.info.get("icc_profile"):
                    place = begin.find(b"colrnclx")
                    if place >= 0:
                        image.info["icc_profile"] = cicp_profile(*struct.unpack_from(">2H", begin, place + 8))
                yield image
        except UnidentifiedImageError:
            raise ValueError(
                f"{name}: not an image of a format read here: JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF and PPM, "
                "without rare kinds of them (a JPEG of 12 bits, a TIFF of 64-bit floats); or its header is "
                f"damaged. Others, such as HEIC, must be converted first, for example: {_CONVERT}"
            ) from None
        except NotRead as error:
            raise ValueError(f"{name}: {error}") from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ValueError(f"{name}: {_TOO_LARGE}: {error}") from error
        except Exception as error:  # on damaged bytes Pillow raises anything: SyntaxError, struct.error, ...
            raise ValueError(
                f"{name}: cannot be decoded ({str(error) or type(error).__name__}): it is damaged, cut off, "
                "or of a kind that is not read here; if a viewer shows it, save it there as PNG"
            ) from error


def _check_tiff(image: TiffImagePlugin.TiffImageFile) -> None:
    """Refuse kinds of TIFF that Pillow reads wrongly."""
    tags, raw = image.tag_v2, image.info.get("compression") == "raw"
    if tags.get(_SUBFILE, 0) & 1 or _DNG in tags:
        raise NotRead("a camera's raw file, or a TIFF that begins with a preview, is not read; convert it")
    bits, planes, extra = tags.get(_BITS, (1,)), tags.get(_PLANES) == 2, tags.get(_EXTRA, ())
    odd_planes = (raw and set(bits) != {8}) or (extra and (image.mode, extra) != ("RGBA", (2,)))
    for refused, kind in (
        (planes and odd_planes, "of 16 bits or with transparency, whose planes lie one behind the other,"),
        (image.mode in ("I", "F") and not raw and tags.prefix == b"MM", "of compressed, big-endian numbers"),
        (tags.get(_SAMPLE) == (2,) and bits == (8,), "of signed bytes"),
        (tags.get(_PHOTOMETRIC) == 6 and raw, "in YCbCr without compression"),
    ):
        if refused:
            raise NotRead(f"a TIFF {kind} is not read; convert it, for example: {_CONVERT}")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none, and of a TIFF, which Pillow turns."""
    try:
        orientation: int = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF beside sound pixels: viewers show these pictures as stored, so do we
        return 1
    return orientation if image.format != "TIFF" and orientation in range(1, 9) else 1


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn a picture (H, W, 3) from how it is stored to how it is seen."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(pixels[:: -1 if rows else 1, :: -1 if columns else 1])


def _scale_transparency(image: ImageFile.ImageFile) -> None:
    """Give the transparent value of a PNG in the range of the pixels that Pillow makes of it."""
    layout = str(image.tile[0][3]) if image.tile else ""  # e.g. "L;4", gone once it is loaded
    value = image.info.get("transparency")
    if layout == "RGB;16B" and isinstance(value, tuple):  # Pillow keeps the pixels' high bytes
        image.info["transparency"] = tuple(level >> 8 for level in value)
    elif isinstance(value, int):
        image.info["transparency"] = value * {"L;2": 85, "L;4": 17, "1": 255}.get(layout, 1)


def _to_rgb(image: Image.Image, behind: int) -> Image.Image:
    """Convert a decoded picture of any Pillow mode to "RGB" in sRGB, on the grey `behind`."""
    profile, grey = image.info.get("icc_profile"), image.info.get("grey", False)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values, clear = np.asarray(image), image.info.get("transparency")
        image = _grey_to_8_bits(image)
        if isinstance(clear, int):
            image.putalpha(Image.fromarray(values != clear).convert("L"))
    mode = "L" if grey or image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        image = image.convert("RGBA")
        rgb = to_srgb(image, mode, profile)
        return Image.composite(rgb, Image.new("RGB", rgb.size, (behind,) * 3), image.getchannel("A"))
    return to_srgb(image, "CMYK" if image.mode == "CMYK" else mode, profile)


def _grey_to_8_bits(image: Image.Image) -> Image.Image:
    """Convert greys of 16 bits, 32 bits or floats to "L"; Pillow's `convert("L")` would clip them."""
    values, tags = np.asarray(image), getattr(image, "tag_v2", {})
    if image.mode == "I" and tags and tags.get(_SAMPLE, (1,))[0] == 1:
        values = values.view(np.uint32)  # Pillow takes them for signed
    levels = np.nan_to_num(values.astype(np.float64), copy=False, posinf=0.0, neginf=0.0)
    low, high = levels.min(), levels.max()
    ranges = (1.0, 255.0) if image.mode == "F" else (4095.0 if tags.get(_BITS) == (12,) else 65535.0,)
    full = next((full for full in ranges if low >= 0 and high <= full), None)
    if full is None:
        levels -= low
        full = high - low
    if tags.get(_PHOTOMETRIC) == 0:  # 0 is white; Pillow inverts only greys of 8 bits
        levels = full - levels
    return Image.fromarray(np.rint(levels * 255.0 / (full or 1.0)).astype(np.uint8))  # 0: all the same
