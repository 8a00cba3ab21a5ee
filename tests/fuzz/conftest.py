"""The fixture `fuzz`."""

from fuzz.harness import fuzz  # noqa: F401
