"""OpenCV, imported when it is first needed: it needs libraries of the system that servers often lack."""

from __future__ import annotations

import functools
from types import ModuleType


@functools.cache
def load_opencv() -> ModuleType:
    """The module cv2.

    Raises:
        ImportError: it does not load; the message says what to install.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"needed is OpenCV, which does not load here ({error}); without a screen, "
            "run `pip uninstall opencv-python` and `pip install opencv-python-headless`"
        ) from error
    return cv2
