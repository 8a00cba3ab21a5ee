"""Reading pictures: any file a user may have, right way up, as 8-bit RGB; and cutting squares from them."""

from __future__ import annotations

import functools
import io
import os
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

MAX_PIXELS = 100_000_000
"""The most pixels a picture may have unless the caller says otherwise: 300 MB once decoded."""

SRGB_LEVELS = 2
"""Profiles that move no level by more are sRGB, rounded otherwise; the pixels stay as they are."""

# A closed list: Pillow also has formats that start programs (EPS: Ghostscript), whatever a file is called.
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "DIB", "TIFF", "PPM")
_ORIENTATION_TAG, _PHOTOMETRIC_TAG = 0x0112, 262
_JPEG_END = b"\xff\xd9"
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(
    source: str | os.PathLike[str] | bytes,
    name: str | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    at_least: int | None = None,
    behind: int = 255,
) -> NDArray[np.uint8]:
    """Read one picture as 8-bit RGB, the way a viewer shows it.

    JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF and PPM, told by their content. The first frame of an animation;
    turned upright by its EXIF orientation; in sRGB, by its embedded colour profile; transparency on white, or
    on `behind`; CMYK and palettes converted; a JPEG may lack its last bytes. Greys of more than 8 bits are
    scaled: 16 bits by 65535; 32-bit integers by 65535 if they lie in 0..65535; floats by 1 if they lie in
    0..1, by 255 if they lie in 0..255; any other range is stretched to black and white.

    Args:
        source: a path, or the bytes of the file.
        name: what errors call it; the path if not given.
        max_pixels: a picture whose header says more is refused before it is decoded; Pillow's limit stays.
        at_least: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, as long as both sides keep this many
            pixels: much faster where the picture is made small anyway. None: full size.
        behind: the grey, 0 to 255, that is seen where the picture is transparent.

    Returns:
        (H, W, 3) uint8 in 0..255, the caller's to keep.

    Raises:
        ValueError: empty, cut off, corrupt, not an image, or too large; it says which file and why.
        OSError: the path cannot be opened.

    >>> file = io.BytesIO()
    >>> Image.new("L", (2, 1), 7).save(file, "PNG")
    >>> read_image(file.getvalue()).tolist()
    [[[7, 7, 7], [7, 7, 7]]]
    """
    if isinstance(source, bytes):
        return _read(io.BytesIO(source), name or "image", max_pixels, at_least, behind)
    with open(source, "rb") as file:
        return _read(file, name or os.fspath(source), max_pixels, at_least, behind)


def square(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Cut the largest centred square from a picture and resize it, up or down, with antialiasing.

    Args:
        image: (H, W, 3) uint8.
        size: the side, in pixels.

    Returns:
        (size, size, 3) uint8.

    >>> square(np.zeros((178, 218, 3), np.uint8), 128).shape
    (128, 128, 3)
    """
    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    return resize_box(Image.fromarray(image), (left, top, left + side, top + side), size)


def resize_box(image: Image.Image, box: tuple[int, int, int, int], size: int) -> NDArray[np.uint8]:
    """Resize the box (left, top, right, bottom) of an RGB picture to a (size, size, 3) uint8 square."""
    # Not resize(box=...), whose filter also takes in pixels around the box. reducing_gap averages blocks
    # first: several times faster on large boxes, and it looks alike.
    resized = image.crop(box).resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.array(resized, dtype=np.uint8)


def _read(file: BinaryIO, name: str, max_pixels: int, at_least: int | None, behind: int) -> NDArray[np.uint8]:
    """Decode an open file; all that a decoder may raise becomes a `ValueError` that names the file."""
    if not file.read(1):
        raise ValueError(f"{name}: the file is empty")
    file.seek(0)
    try:
        with Image.open(file, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise _TooLarge(f"{width} x {height} pixels, more than the limit of {max_pixels:,}")
            if at_least is not None:
                image.draft(None, (at_least, at_least))
            layout = str(image.tile[0][3]) if image.tile else ""  # e.g. "L;4", gone once it is loaded
            image.load()
            return _to_rgb(_upright(image), layout, behind)
    except Image.UnidentifiedImageError:
        if _is_tiff(file):
            raise ValueError(
                f"{name}: a TIFF of a kind that is not read here, such as 64-bit floats or 16-bit grey with "
                "transparency; convert it, for example: magick picture.tif -depth 8 picture.png"
            ) from None
        raise ValueError(
            f"{name}: not an image of a format read here (JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF, PPM; "
            "others, such as HEIC, must be converted first), or its header is damaged"
        ) from None
    except (_TooLarge, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{name}: refused, the picture is too large: {error}") from error
    except Exception as error:  # on damaged bytes Pillow raises anything: SyntaxError, struct.error, ...
        reason = str(error) or type(error).__name__
        if "truncated" in reason and (content := _jpeg_without_end(file)) is not None:
            return _read_cut_jpeg(content, name, max_pixels, at_least)
        raise ValueError(f"{name}: cannot be decoded, the file is damaged or cut off: {reason}") from error


def _is_tiff(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _jpeg_without_end(file: BinaryIO) -> bytes | None:
    """The content of a JPEG that lacks its end marker, else None."""
    file.seek(0)
    content = file.read()
    return content if content.startswith(b"\xff\xd8") and not content.endswith(_JPEG_END) else None


def _read_cut_jpeg(content: bytes, name: str, max_pixels: int, at_least: int | None) -> NDArray[np.uint8]:
    """The picture of a JPEG that lacks bytes of its last few blocks at most.

    The decoder fills up what is missing, and does not say how much that was. But with a few bytes less, the
    picture must differ in its last corner, and in little else. A progressive JPEG does so at the end of every
    scan, so it is refused.

    Raises:
        ValueError: more is missing.
    """
    whole, less = (content[: len(content) - cut] + _JPEG_END for cut in (0, 8))
    try:
        changed = (_as_stored(whole) != _as_stored(less)).any(2)
        if not _is_progressive(content) and changed[-2:, -2:].any() and changed.mean() <= 0.02:
            return _read(io.BytesIO(whole), name, max_pixels, at_least, 255)  # none is transparent
    except (ValueError, OSError, SyntaxError):  # no picture at all
        pass
    raise ValueError(
        f"{name}: the JPEG is cut off; fetch the file again, or save it anew in a viewer to keep what is left"
    )


def _as_stored(content: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        return np.asarray(image.convert("RGB"))


def _is_progressive(content: bytes) -> bool:
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        return bool(image.info.get("progressive"))


class _TooLarge(Exception):
    """The header promises more pixels than allowed."""


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned by its EXIF orientation."""
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # damaged EXIF beside sound pixels: viewers show these pictures as stored, so do we
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image, layout: str, behind: int) -> NDArray[np.uint8]:
    """Any Pillow mode as (H, W, 3) uint8 in sRGB; `layout` is how the file packs its pixels."""
    profile = image.info.get("icc_profile")
    deep = image.mode in ("I", "F") or image.mode.startswith("I;16")
    if deep or image.mode in ("1", "L"):
        clear = _clear_grey(image, layout)
        if deep:
            grey = _grey_to_8_bit(np.asarray(image), image.mode, _zero_is_white(image))
            image = Image.fromarray(grey)
        rgb = np.array(_to_srgb(image.convert("L"), profile).convert("RGB"), dtype=np.uint8)
        rgb[clear] = behind
        return rgb
    if image.has_transparency_data:
        see_through = image.info.get("transparency")
        if layout == "RGB;16B" and isinstance(
            see_through, tuple
        ):  # Pillow keeps the high bytes of the pixels
            image.info["transparency"] = tuple(value >> 8 for value in see_through)
        mode = "L" if image.mode in ("LA", "La") else "RGB"
        image = image.convert("RGBA")
        colour = _to_srgb(image.convert(mode), profile).convert("RGB")
        under = Image.new("RGB", image.size, (behind,) * 3)
        return np.array(Image.composite(colour, under, image.getchannel("A")), dtype=np.uint8)
    image = image if image.mode == "CMYK" else image.convert("RGB")
    return np.array(_to_srgb(image, profile).convert("RGB"), dtype=np.uint8)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture in "L", "RGB" or "CMYK" by its colour profile; as it is, where there is none or a bad one."""
    if not profile:
        return image
    try:
        source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        if source.profile.xcolor_space.strip() != {"L": "GRAY"}.get(image.mode, image.mode):
            return image
        if image.mode == "RGB":
            seen = ImageCms.profileToProfile(_ramps(), source, srgb)
            moved = np.asarray(seen).astype(int) - np.asarray(_ramps())
            if np.abs(moved).max() <= SRGB_LEVELS:
                return image  # it is sRGB already: without the rounding of a transform
        done = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):  # viewers show such pictures without it
        return image
    return image if done is None else done


@functools.cache
def _ramps() -> Image.Image:
    """All greys, reds, greens and blues."""
    levels = np.arange(256, dtype=np.uint8)
    masks = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.uint8)
    return Image.fromarray(masks[:, None] * levels[None, :, None])


def _clear_grey(image: Image.Image, layout: str) -> NDArray[np.bool_]:
    """Where a grey PNG is transparent (H, W): the value that it names, in the depth of the file."""
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return np.zeros(image.size[::-1], dtype=bool)
    scale = {"L;2": 85, "L;4": 17}.get(layout, 255 if image.mode == "1" else 1)
    values = np.asarray(image.convert("L") if image.mode == "1" else image)
    return np.asarray(values == clear * scale)


def _zero_is_white(image: Image.Image) -> bool:
    """True for a TIFF whose greys run from white to black; Pillow turns only those of 8 bits round."""
    tags = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_PHOTOMETRIC_TAG) == 0


def _grey_to_8_bit(values: NDArray[np.generic], mode: str, zero_is_white: bool) -> NDArray[np.uint8]:
    """Greys of 16 bits, 32 bits or floats, scaled to 0..255 and rounded; `convert("L")` would clip them."""
    grey = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(grey.min()), float(grey.max())
    ranges = (1.0, 255.0) if mode == "F" else (65535.0,)
    full = next((full for full in ranges if low >= 0 and high <= full), None)
    if full is None:
        grey, full = grey - low, high - low
    if zero_is_white:
        grey = full - grey
    return np.rint(grey * 255.0 / (full or 1.0)).astype(np.uint8)  # full is 0 where all pixels are alike
