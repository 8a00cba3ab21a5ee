"""Reading pictures: any file a user may have, right way up, as 8-bit RGB; and cutting squares from them."""

from __future__ import annotations

import functools
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

MAX_PIXELS = 100_000_000
"""The most pixels a picture may have unless the caller says otherwise: 300 MB once decoded."""

MAX_BYTES = 500_000_000
"""The most memory that decoders take, for one picture and for all that are decoded at once."""

BAND = 1_000_000
"""Pixels that are converted at once."""

SRGB_LEVELS = 2
"""Profiles that move no level by more are sRGB, rounded otherwise; the pixels stay as they are."""

# A closed list: Pillow also has formats that start programs (EPS: Ghostscript), whatever a file is called.
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "DIB", "TIFF", "PPM")
_ORIENTATION_TAG, _PHOTOMETRIC_TAG = 0x0112, 262
_JPEG_END = b"\xff\xd9"
_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored.swapaxes(0, 1)[:, ::-1],
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored.swapaxes(0, 1)[::-1],
}
"""By EXIF orientation: from how a picture is stored to how it is seen."""
_BACK = {6: 8, 8: 6}
"""The orientation that undoes another; of most it is the same."""


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
        at_least: the picture may be reduced by a whole number, as long as both sides keep this many pixels:
            it takes less memory, and a JPEG much less time. None: full size.
        behind: the grey, 0 to 255, that is seen where the picture is transparent.

    Returns:
        (H, W, 3) uint8 in 0..255, the caller's to keep.

    Raises:
        ValueError: empty, cut off, corrupt, not an image, or too large (more than `max_pixels`, or more than
            `MAX_BYTES` to decode); it says which file and why.
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


def picture_size(source: str | os.PathLike[str] | bytes, name: str | None = None) -> tuple[int, int]:
    """Height and width of a picture as it is seen, read from its header.

    Args:
        source: a path, or the bytes of the file.
        name: what errors call it; the path if not given.

    Raises:
        ValueError: not an image; it says which file.
        OSError: the path cannot be opened.
    """
    if isinstance(source, bytes):
        return _size_of(io.BytesIO(source), name or "image")
    with open(source, "rb") as file:
        return _size_of(file, name or os.fspath(source))


def _size_of(file: BinaryIO, name: str) -> tuple[int, int]:
    with (
        _explained(file, name),
        Image.open(file, formats=_FORMATS) as image,
    ):
        width, height = image.size
        turned = _orientation(image) >= 5 and image.format != "TIFF"  # whose size Pillow has turned already
        return (width, height) if turned else (height, width)


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
    try:
        with _explained(file, name), Image.open(file, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise _TooLarge(f"{width} x {height} pixels, more than the limit of {max_pixels:,}")
            if at_least is not None:
                image.draft(None, (at_least, at_least))
            layout = str(image.tile[0][3]) if image.tile else ""  # e.g. "L;4", gone once it is loaded
            with _memory.held(_bytes_to_decode(image, width * height)):
                image.load()
                return _in_bands(image, _ToRgb(image, layout, behind), at_least)
    except _CutOff:
        return _read_cut_jpeg(file, name, max_pixels, at_least)


@contextmanager
def _explained(file: BinaryIO, name: str) -> Iterator[None]:
    """All that a decoder may raise as a `ValueError` that names the file, or as `_CutOff`."""
    if not file.read(1):
        raise ValueError(f"{name}: the file is empty")
    file.seek(0)
    try:
        yield
    except UnidentifiedImageError:
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
        if "truncated" in reason and _is_jpeg_without_end(file):
            raise _CutOff from error
        raise ValueError(f"{name}: cannot be decoded, the file is damaged or cut off: {reason}") from error


class _Memory:
    """What decoders may take together: those that find no room wait until others are done.

    Args:
        total: bytes; one that needs more is alone.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.begin()

    def begin(self) -> None:
        """All of it is free."""
        self.free, self.changed = self.total, threading.Condition()

    @contextmanager
    def held(self, count: int) -> Iterator[None]:
        count = min(count, self.total)
        with self.changed:
            self.changed.wait_for(lambda: self.free >= count)
            self.free -= count
        try:
            yield
        finally:
            with self.changed:
                self.free += count
                self.changed.notify_all()


_memory = _Memory(MAX_BYTES)
if hasattr(os, "register_at_fork"):  # the threads that hold some of it are not in the child
    os.register_at_fork(after_in_child=_memory.begin)


def _bytes_to_decode(image: ImageFile.ImageFile, whole: int) -> int:
    """Memory that decoding a picture takes, about.

    Args:
        image: not loaded yet; of a JPEG, the size that it is drafted to.
        whole: its pixels before that: a progressive JPEG's decoder keeps the coefficients of all.

    Raises:
        _TooLarge: more than `MAX_BYTES`.
    """
    narrow = {"1": 1, "L": 1, "P": 1}.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    kept, more = narrow, 0.0  # bytes a pixel, Pillow's own and the decoder's; and bytes in all
    if image.format in ("WEBP", "AVIF"):
        kept += 3 * narrow
    elif image.format == "PPM" and image.tile and image.tile[0][0] != "raw":
        kept += 2 * narrow
    elif isinstance(image, TiffImagePlugin.TiffImageFile) and image.info.get("compression") != "raw":
        kept += -(-sum(image.tag_v2.get(258, (8,))) // 8)  # a strip may be all of it
    elif isinstance(image, JpegImagePlugin.JpegImageFile) and image.info.get("progressive"):
        across, down = (max(layer[i] for layer in image.layer) for i in (1, 2))
        more = sum(2 * whole * layer[1] * layer[2] / (across * down) for layer in image.layer)
    count = int(image.width * image.height * kept + more)
    if count > MAX_BYTES:
        raise _TooLarge(
            f"{image.width} x {image.height} pixels, which take {count / 1e6:.0f} MB to decode, more than "
            f"{MAX_BYTES / 1e6:.0f}; make it smaller, or save it as a JPEG that is not progressive"
        )
    return count


def _bands(image: Image.Image, factor: int = 1) -> Iterator[tuple[int, int, Image.Image]]:
    """A picture in parts of about `BAND` pixels, whose sides `factor` divides: top, left, and the part."""
    width, height = image.size
    across = min(width, max(1, BAND // factor) * factor)
    down = max(1, BAND // (across * factor)) * factor
    for top in range(0, height, down):
        for left in range(0, width, across):
            box = (left, top, min(width, left + across), min(height, top + down))
            yield top, left, image.crop(box)


def _in_bands(image: Image.Image, to_rgb: _ToRgb, at_least: int | None) -> NDArray[np.uint8]:
    """A decoded picture, converted and reduced in parts, and turned upright."""
    width, height = image.size
    factor = max(1, min(width, height) // at_least) if at_least else 1
    shape, turn = (-(-height // factor), -(-width // factor), 3), _orientation(image)
    seen = np.empty((shape[1], shape[0], 3) if turn >= 5 else shape, np.uint8)
    stored = _TURNS[_BACK.get(turn, turn)](seen) if turn in _TURNS else seen
    for top, left, part in _bands(image, factor):
        rgb = to_rgb(part)
        if factor > 1:
            rgb = np.asarray(Image.fromarray(rgb).reduce(factor))
        stored[top // factor :, left // factor :][: rgb.shape[0], : rgb.shape[1]] = rgb
    return seen


def _is_tiff(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _is_jpeg_without_end(file: BinaryIO) -> bool:
    file.seek(0)
    begins = file.read(2) == b"\xff\xd8"
    file.seek(-2, os.SEEK_END)
    return begins and file.read(2) != _JPEG_END


def _read_cut_jpeg(file: BinaryIO, name: str, max_pixels: int, at_least: int | None) -> NDArray[np.uint8]:
    """The picture of a JPEG that lacks bytes of its last few blocks at most.

    The decoder fills up what is missing, and does not say how much that was. But with a few bytes less, the
    picture must differ in its last corner, and in little else. A progressive JPEG does so at the end of every
    scan, so it is refused.

    Raises:
        ValueError: more is missing.
    """
    file.seek(0)
    content = file.read()
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
    """A JPEG's pixels as they are stored; of a large one, some average."""
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        whole = image.width * image.height
        image.draft("RGB", (2048, 2048))
        with _memory.held(_bytes_to_decode(image, whole)):
            return np.asarray(image.convert("RGB"))


def _is_progressive(content: bytes) -> bool:
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        return bool(image.info.get("progressive"))


class _TooLarge(Exception):
    """The header promises more pixels than allowed."""


class _CutOff(Exception):
    """A JPEG ends too early."""


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none."""
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # damaged EXIF beside sound pixels: viewers show these pictures as stored, so do we
        return 1
    return orientation if orientation in _TURNS else 1


class _ToRgb:
    """Turns bands of a decoded picture, of any Pillow mode, into ``(h, w, 3)`` uint8 in sRGB.

    Args:
        image: the whole of it.
        layout: how the file packs its pixels.
        behind: the grey that is seen where it is transparent.
    """

    def __init__(self, image: Image.Image, layout: str, behind: int) -> None:
        self.layout, self.behind = layout, behind
        self.profile = image.info.get("icc_profile")
        self.grey_to_8_bit = _grey_scale(image) if _is_deep(image) else None
        see_through = image.info.get("transparency")
        if layout == "RGB;16B" and isinstance(see_through, tuple):  # Pillow keeps the pixels' high bytes
            image.info["transparency"] = tuple(value >> 8 for value in see_through)

    def __call__(self, band: Image.Image) -> NDArray[np.uint8]:
        if self.grey_to_8_bit is not None or band.mode in ("1", "L"):
            clear = _clear_grey(band, self.layout)
            if self.grey_to_8_bit is not None:
                band = Image.fromarray(self.grey_to_8_bit(np.asarray(band)))
            rgb = np.array(self._to_srgb(band.convert("L")).convert("RGB"), dtype=np.uint8)
            rgb[clear] = self.behind
            return rgb
        if band.has_transparency_data:
            mode = "L" if band.mode in ("LA", "La") else "RGB"
            band = band.convert("RGBA")
            colour = self._to_srgb(band.convert(mode)).convert("RGB")
            under = Image.new("RGB", band.size, (self.behind,) * 3)
            return np.array(Image.composite(colour, under, band.getchannel("A")), dtype=np.uint8)
        band = band if band.mode == "CMYK" else band.convert("RGB")
        return np.array(self._to_srgb(band).convert("RGB"), dtype=np.uint8)

    def _to_srgb(self, band: Image.Image) -> Image.Image:
        """A band in "L", "RGB" or "CMYK" by the colour profile."""
        if not self.profile:
            return band
        return _profile_to_srgb(self.profile, band.mode)(band)


@functools.lru_cache(maxsize=4)
def _profile_to_srgb(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image]:
    """What a colour profile does to pictures of a mode; nothing, where it is a bad one."""
    try:
        source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        if source.profile.xcolor_space.strip() != {"L": "GRAY"}.get(mode, mode):
            return _as_it_is
        transform = ImageCms.buildTransform(source, srgb, mode, "RGB")
        if mode == "RGB":
            seen = ImageCms.applyTransform(_ramps(), transform)
            moved = np.asarray(seen).astype(int) - np.asarray(_ramps())
            if np.abs(moved).max() <= SRGB_LEVELS:
                return _as_it_is  # it is sRGB already: without the rounding of a transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):  # viewers show such pictures without it
        return _as_it_is
    return lambda image: ImageCms.applyTransform(image, transform) or image


def _as_it_is(image: Image.Image) -> Image.Image:
    return image


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


def _is_deep(image: Image.Image) -> bool:
    """Whether it has greys of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _grey_scale(image: Image.Image) -> Callable[[NDArray[np.generic]], NDArray[np.uint8]]:
    """How greys of 16 bits, 32 bits or floats become 0..255; `convert("L")` would clip them."""
    tags = getattr(image, "tag_v2", None)  # in some TIFFs 0 is white; Pillow turns only those of 8 bits round
    zero_is_white = tags is not None and tags.get(_PHOTOMETRIC_TAG) == 0
    if image.mode.startswith("I;16"):
        levels = np.rint(np.arange(65536) * (255 / 65535)).astype(np.uint8)
        return (levels[::-1] if zero_is_white else levels).__getitem__
    low, high = _range(image)
    ranges = (1.0, 255.0) if image.mode == "F" else (65535.0,)
    begin, full = 0.0, next((full for full in ranges if low >= 0 and high <= full), None)
    if full is None:
        begin, full = low, high - low

    def to_8_bit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
        grey = _finite(values) - begin
        grey = full - grey if zero_is_white else grey
        return np.rint(grey * 255.0 / (full or 1.0)).astype(np.uint8)  # full is 0 where all are alike

    return to_8_bit


def _range(image: Image.Image) -> tuple[float, float]:
    """The least and the greatest grey."""
    parts = (_finite(np.asarray(part)) for _, _, part in _bands(image))
    ends = [(values.min(), values.max()) for values in parts]
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))


def _finite(values: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
