"""PNG files: the first frame as Pillow can read it, and the colours."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from paint_gym.datasets.colour import SRGB_PRIMARIES, NotRead, cicp_profile, is_srgb, matrix_profile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PROFILE = 50_000_000  # bytes of a profile, decompressed
_COLOURS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")


def first_frame(file: BinaryIO) -> tuple[BinaryIO, dict[bytes, bytes]]:
    """First frame of a PNG as a PNG without texts and times; and its chunks on colour and EXIF, by kind.

    Pillow refuses valid pictures with a long text chunk or a wrong checksum in a side chunk, and reads the
    fallback picture of an animated PNG in place of its first frame.
    """
    chunks = list(_chunks(file))
    kinds = [kind for kind, _, _ in chunks]
    begin = kinds.index(b"IDAT") if b"IDAT" in kinds else len(kinds)
    hidden = b"fcTL" in kinds[begin:] and b"fcTL" not in kinds[:begin]
    frame, contents, controls = io.BytesIO(), dict[bytes, bytes](), 0
    frame.write(SIGNATURE)
    for place, (kind, start, length) in enumerate(chunks):
        file.seek(start)
        if kind == b"fcTL":
            controls += 1
            if hidden and controls == 1 and file.read(12)[4:] != frame.getvalue()[16:24]:
                raise NotRead("a PNG animation whose first frame is a part of the picture is not read")
        elif kind == b"fdAT" and hidden and controls == 1:
            content = b"IDAT" + file.read(length)[4:]
            frame.write(struct.pack(">I", length - 4) + content + struct.pack(">I", zlib.crc32(content)))
        elif kind == b"eXIf" or (kind in _COLOURS and place < begin):
            content = file.read(length)
            if file.read(4) == zlib.crc32(kind + content).to_bytes(4, "big"):
                contents.setdefault(kind, content)  # as libpng: the first counts
        elif kind == b"tRNS" or (kind[:1].isupper() and not (hidden and kind == b"IDAT")):
            file.seek(start - 8)
            frame.write(file.read(length + 12))
    frame.seek(0)
    return frame, contents


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and length of each chunk's content; the last may be cut off."""
    place, size = len(SIGNATURE), file.seek(0, os.SEEK_END)
    while place + 8 <= size:
        file.seek(place)
        length, kind = struct.unpack(">I4s", file.read(8))
        yield kind, place + 8, min(length, size - place - 8)
        place += length + 12


def colour_profile(chunks: Mapping[bytes, bytes], grey: bool) -> bytes | None:
    """Profile of a PNG's colours by its chunks: cICP, else iCCP, else sRGB, else gAMA with cHRM.

    None for sRGB; HDR and rare kinds of colours raise `NotRead`.
    """
    if len(codes := chunks.get(b"cICP", b"")) == 4:
        if codes[2:] != b"\0\1":
            raise NotRead("a PNG whose colours are those of video (matrix, range) is not read; convert it")
        return cicp_profile(codes[0], codes[1], grey)
    if b"iCCP" in chunks:
        try:
            compressed = chunks[b"iCCP"].partition(b"\0")[2][1:]
            return zlib.decompressobj().decompress(compressed, MAX_PROFILE)
        except zlib.error:
            pass
    if b"sRGB" in chunks:
        return None
    primaries = SRGB_PRIMARIES
    if len(chunks.get(b"cHRM", b"")) == 32:
        primaries = tuple(value / 1e5 for value in struct.unpack(">8I", chunks[b"cHRM"]))
    encoded = int.from_bytes(chunks.get(b"gAMA", b"")) / 1e5
    stands_for_srgb = abs(encoded - 1 / 2.2) < 0.005 and is_srgb(primaries)
    gamma = 1 / encoded if 0.1 <= encoded <= 10 and not stands_for_srgb else None
    return matrix_profile(primaries, gamma, grey)
