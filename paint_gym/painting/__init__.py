"""A finished painting, and the files it is written to."""

from paint_gym.painting.formats import (
    FORMATS,
    Format,
    WriteOptions,
    check_ending,
    register_format,
)
from paint_gym.painting.painting import MAX_SIDE, Painting, check_colour, check_size
from paint_gym.painting.svg import Paper

__all__ = [
    "FORMATS",
    "MAX_SIDE",
    "Format",
    "Painting",
    "Paper",
    "WriteOptions",
    "check_colour",
    "check_ending",
    "check_size",
    "register_format",
]
