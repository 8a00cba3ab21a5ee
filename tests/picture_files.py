"""Small pictures for the tests: encoded by Pillow, and PNGs and TIFFs put together by hand."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

EXACT: dict[str, dict] = {  # options of Pillow that keep the colours
    "JPEG": {"quality": 100, "subsampling": 0},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "WEBP": {"lossless": True},
}


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a picture in a format."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(orientation: int) -> Image.Exif:
    """EXIF with an orientation."""
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif


def chunk(kind: bytes, data: bytes, checksum: int | None = None) -> bytes:
    """A chunk of a PNG."""
    checksum = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png(header: tuple[int, int, int, int], rows: bytes, *before: bytes, after: bytes = b"") -> bytes:
    """A PNG of a width, height, depth and type of colours, with chunks before its rows, and after them."""
    parts = (
        chunk(b"IHDR", struct.pack(">2I5B", *header, 0, 0, 0)),
        *before,
        chunk(b"IDAT", zlib.compress(rows)),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + after + chunk(b"IEND", b"")


def tiff(data: bytes, order: str = "<", **tags: int) -> bytes:
    """A TIFF of one strip, one row of three pixels unless its tags (t256=...) say otherwise."""
    numbers = {256: 3, 257: 1, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(data)}
    numbers |= {int(tag[1:]): value for tag, value in tags.items()}
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, numbers[tag]) for tag in sorted(numbers))
    begin = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8 + len(data))
    return begin + data + struct.pack(f"{order}H", len(numbers)) + entries + bytes(4)


def bmp(
    bits: int, data: bytes, compression: int = 0, masks: tuple[int, ...] = (), length: int = 40,
    palette: bytes = b"",
) -> bytes:  # fmt: skip
    """A BMP of one row of two pixels, with a header of this length."""
    colours = struct.pack(f"<{len(masks)}I", *masks)
    header = struct.pack("<3I2H6I", length, 2, 1, 1, bits, compression, len(data), 0, 0, len(palette) // 4, 0)
    header = (header + colours).ljust(length, b"\0") + palette
    return b"BM" + struct.pack("<3I", 14 + len(header + data), 0, 14 + len(header)) + header + data


def photo(side: int = 320) -> Image.Image:
    """A picture with detail everywhere, so that each byte of its JPEG shows."""
    y, x = np.mgrid[:side, :side]
    waves = [127 + 60 * np.sin(x / 5 + c) * np.cos(y / 7) + 60 * np.sin(x * y / 300 + c) for c in range(3)]
    return Image.fromarray(np.stack(waves, -1).clip(0, 255).astype(np.uint8))


def noise(side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))
