"""A window on the screen, for ``render_mode="human"``."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import numpy as np

from paint_gym.utils.images import load_opencv

_numbers = itertools.count(1)


class FrameWindow:
    """A window of one environment; it opens with the first frame.

    Raises:
        ImportError: OpenCV does not load.
        RuntimeError: there is no display, or OpenCV cannot show windows.
    """

    def __init__(self) -> None:
        if not _has_display():  # Qt would abort the process
            raise RuntimeError(
                'render_mode="human" needs a display, and none is found (DISPLAY, WAYLAND_DISPLAY); take '
                'render_mode="rgb_array" and env.render(), or painting.save("film.mp4")'
            )
        load_opencv()
        self.title, self.open = f"PaintCanvas-v0, {next(_numbers)}", False

    def show(self, frame: np.ndarray) -> None:
        """Show a picture ``(H, W, 3)`` uint8."""
        cv2 = load_opencv()
        try:
            cv2.imshow(self.title, frame[..., ::-1])
            cv2.waitKey(1)
        except cv2.error as error:
            raise RuntimeError(
                "this build of OpenCV cannot show windows: install opencv-python in place of "
                'opencv-python-headless, or take render_mode="rgb_array"'
            ) from error
        self.open = True

    def close(self) -> None:
        """Close the window, if it is open."""
        if self.open:
            cv2 = load_opencv()
            cv2.destroyWindow(self.title)
            cv2.waitKey(1)
            self.open = False


def _has_display() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    name = os.environ.get("DISPLAY", "")
    if name.startswith(":"):  # a display of this machine has a socket
        return Path(f"/tmp/.X11-unix/X{name[1:].partition('.')[0]}").exists()
    return bool(name or os.environ.get("WAYLAND_DISPLAY"))
