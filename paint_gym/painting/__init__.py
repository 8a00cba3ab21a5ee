"""A finished painting, and the files it is written to."""

from paint_gym.painting.painting import MAX_SIDE, Painting, check_colour, check_ending, check_size
from paint_gym.painting.svg import Paper
from paint_gym.painting.video import check_film

__all__ = ["MAX_SIDE", "Painting", "Paper", "check_colour", "check_ending", "check_film", "check_size"]
