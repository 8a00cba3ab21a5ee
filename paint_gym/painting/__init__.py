"""A finished painting, and the files it is written to."""

from paint_gym.painting.painting import MAX_SIDE, Painting, check_colour, check_ending, check_size

__all__ = ["MAX_SIDE", "Painting", "check_colour", "check_ending", "check_size"]
