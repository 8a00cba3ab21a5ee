"""Painting with an agent, or with anything else that acts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from agents.networks.actor import Actor
from agents.painting.constraints import Allowed
from paint_gym.canvas import CanvasState, as_strokes
from paint_gym.metrics import mean_squared_error
from paint_gym.painting import MAX_SIDE, Painting, check_colour, check_size
from paint_gym.renderers import Renderer
from paint_gym.utils.errors import as_int
from paint_gym.utils.images import to_floats

CANVAS = 256
"""Shorter side in pixels of the canvases that agents paint on: they paint larger ones worse, and slower.

Strokes have no size, so that the paintings lose nothing. With 512 and 1,024 strokes a picture of Kodak, the
agent that ships is .2 and .4 dB better on 256 px than on 512.
"""


ASPECT = 1.03  # of a painting that is gone on with, against that of the picture


class Policy(Protocol):
    """The part of an agent that painting needs; every `Agent` is one."""

    renderer: Renderer
    bundle: int
    device: torch.device

    def act(self, state: CanvasState, steps: int | None = None) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1]."""


@torch.no_grad()
def paint(
    agent: Policy,
    targets: Tensor,
    max_strokes: int,
    on_bundle: Callable[[float], None] | None = None,
    weight: Tensor | None = None,
    canvas: int | None = CANVAS,
    palette: Tensor | None = None,
    radii: tuple[float, float] | None = None,
    background: Sequence[float] | Literal["auto"] | None = (0.0, 0.0, 0.0),
    begun: Sequence[Painting] | None = None,
    on_strokes: Callable[[Tensor], object] | None = None,
    easel: Tensor | None = None,
) -> list[Painting]:
    """Paint pictures, each on a canvas of one colour, or on what is painted already.

    Args:
        agent: who paints.
        targets: ``(B, 3, H, W)`` uint8, or float in [0, 1].
        max_strokes: strokes per painting, at least 1; the last bundle is cut if they do not fill it.
        on_bundle: called after each bundle with the mean l2 so far, as the agent's own renderer sees it.
        weight: how much the error of each pixel counts where an agent looks for the greatest, plans and looks
            ahead: ``(H, W)`` or ``(B, H, W)``, at least 0 and not 0 everywhere.
        canvas: the shorter side in pixels of a canvas is at most this; larger pictures are looked at smaller.
            None: as large as they are.
        palette: colours ``(K, 3)`` in [0, 1], of which each stroke gets the nearest; by default any.
        radii: least and greatest radius of a stroke, in shorter canvas sides; by default any.
        background: R, G, B in [0, 1] of the fresh canvases; "auto" is the mean colour of each picture, with a
            palette the nearest in it; None for a transparent sheet, which agents see as white.
        begun: paintings to go on with, one for each picture, in its aspect, of the agent's design and
            opacity, all of one number of strokes; their background stays. `max_strokes` counts their
            strokes, too; if they have as many, they are returned as they are.
        on_strokes: called after each bundle with its strokes, ``(B, k, stroke_dim)`` on the CPU.
        easel: pictures of what is on the canvases already, shaped as the targets, in place of a background.
            The paintings are the strokes to be added, and have none.

    Raises:
        ValueError: `max_strokes` below 1, weights, colours or radii that are none, paintings that do not go
            with the pictures or the agent, or an agent that does not weigh errors.
        TypeError: targets that are no tensor.
    """
    check_targets(targets)
    if max_strokes < 1:
        raise ValueError(f"a painting has at least 1 stroke, not {max_strokes}")
    canvas = None if canvas is None else as_int("canvas", canvas, 1, MAX_SIDE)
    size = (targets.shape[2], targets.shape[3])
    target = _reduced(to_floats(targets.to(agent.device)), canvas)
    allowed = Allowed(agent.renderer.design, palette, radii)
    design, opacity = agent.renderer.design, agent.renderer.opacity
    if easel is not None:
        check_easel(easel, targets)
        background = None
    if begun is not None:
        check_begun(begun, targets, agent)
        blank = target.new_tensor([one.backdrop for one in begun])
        background = begun[0].background if begun else None
    elif background == "auto":
        blank = allowed.nearest_colour((target.mean((2, 3)) * 255).round() / 255)
    else:
        backdrop = (1.0, 1.0, 1.0) if background is None else check_colour(background)
        blank = target.new_tensor(backdrop).expand(len(target), -1)
    painted = [torch.stack([torch.tensor(one.strokes) for one in begun])] if begun else []
    there = painted[0].shape[1] if begun else 0
    fresh = blank[:, :, None, None].expand_as(target).clone()
    if easel is not None:
        fresh = _reduced(to_floats(easel.to(agent.device)), canvas)
    canvases = agent.renderer.paint(fresh, painted[0].to(target)) if there else fresh
    first = math.ceil(there / agent.bundle)
    steps = first + math.ceil((max_strokes - there) / agent.bundle)
    state = CanvasState(canvases, target, torch.full((len(target),), first, device=agent.device))
    with _weighed(agent, targets, weight, canvas):
        while there < max_strokes:
            strokes = allowed(as_strokes(agent.act(state, steps), design.dim)[:, : max_strokes - there])
            painted.append(strokes.cpu())
            there += strokes.shape[1]
            state = CanvasState(agent.renderer.paint(state.canvas, strokes), target, state.step + 1)
            if on_strokes is not None:
                on_strokes(painted[-1])
            if on_bundle is not None:
                on_bundle(mean_squared_error(state.canvas, target).mean().item())
    return [
        Painting(one, design, size, None if background is None else colour, opacity)
        for one, colour in zip(torch.cat(painted, 1).numpy(), blank.tolist(), strict=True)
    ]


@contextmanager
def _weighed(agent: Policy, targets: Tensor, weight: Tensor | None, canvas: int | None) -> Iterator[None]:
    """Within the block the actor knows where errors count."""
    if weight is None:
        yield
        return
    actor = getattr(agent, "actor", None)
    if not isinstance(actor, Actor):
        raise ValueError(f"{type(agent).__name__} does not weigh errors; leave the weight out")
    checked = check_weight(weight, targets).to(agent.device)
    actor.weight = _reduced(checked.unsqueeze(1), canvas).squeeze(1)
    try:
        yield
    finally:
        actor.weight = None


def check_begun(begun: Sequence[Painting], targets: Tensor, agent: Policy) -> None:
    """Refuse paintings that an agent cannot go on with for pictures ``(B, 3, H, W)``.

    Raises:
        ValueError: another number, aspect, design or opacity, or not all of one number of strokes.
    """
    if len(begun) != len(targets):
        raise ValueError(f"{len(targets)} pictures need as many paintings to go on with, not {len(begun)}")
    height, width = targets.shape[2:]
    for one in begun:
        if (one.design, one.opacity) != (agent.renderer.design, agent.renderer.opacity):
            raise ValueError(
                f"the painting has {one.stroke} strokes of opacity {one.opacity}, the agent paints "
                f"{agent.renderer.design.name} strokes of {agent.renderer.opacity}"
            )
        ratio = one.size[0] / one.size[1] * width / height
        if not 1 / ASPECT <= ratio <= ASPECT:
            raise ValueError(
                f"the painting of {one.size[0]} x {one.size[1]} has another aspect than the picture of "
                f"{height} x {width}"
            )
    if len({(len(one), one.background is None) for one in begun}) > 1:
        raise ValueError(
            "paintings to go on with together must have one number of strokes, and all a background"
        )


def check_easel(easel: Tensor, targets: Tensor) -> None:
    """Refuse pictures of canvases that do not go with the targets."""
    if not isinstance(easel, Tensor) or easel.shape != targets.shape:
        shape = tuple(easel.shape) if isinstance(easel, Tensor) else type(easel).__name__
        raise ValueError(f"easel must be as the pictures, {tuple(targets.shape)}, not {shape}")


def check_targets(targets: Tensor) -> None:
    """Refuse what is not ``(B, 3, H, W)``, and say how one picture becomes that."""
    if not isinstance(targets, Tensor):
        raise TypeError(
            f"pictures are a tensor (B, 3, H, W), not {type(targets).__name__}; of an array (H, W, 3) it is "
            "torch.from_numpy(array).permute(2, 0, 1)[None]"
        )
    if targets.ndim != 4 or targets.shape[1] != 3:
        raise ValueError(f"pictures must be (B, 3, H, W), not {tuple(targets.shape)}")


def _reduced(pictures: Tensor, side: int | None) -> Tensor:
    """Pictures ``(B, C, H, W)``, of which the shorter side is at most `side`."""
    shorter = min(pictures.shape[2:])
    if side is None or shorter <= side:
        return pictures
    return _resized(pictures, _sides(pictures.shape[2], pictures.shape[3], side))


def _sides(height: int, width: int, shorter: int) -> tuple[int, int]:
    """Height and width in the same aspect, with another shorter side."""
    least = min(height, width)
    return max(1, round(height * shorter / least)), max(1, round(width * shorter / least))


def _resized(pictures: Tensor, sides: tuple[int, int]) -> Tensor:
    return interpolate(pictures, sides, mode="bilinear", antialias=True, align_corners=False)


def check_weight(weight: Tensor | None, target: Tensor) -> Tensor:
    """Weights ``(B, H, W)`` of mean 1 for targets ``(B, 3, H, W)``; 1 everywhere for None.

    Raises:
        ValueError: of another shape, negative, not finite, or 0 everywhere.
    """
    batch, _, height, width = target.shape
    if weight is None:
        return torch.ones(batch, height, width, device=target.device)
    if weight.shape not in ((height, width), (batch, height, width)):
        raise ValueError(
            f"weight must be ({height}, {width}), or that for each of {batch} pictures, not "
            f"{tuple(weight.shape)}"
        )
    weight = weight.to(target.device, torch.float32).expand(batch, height, width)
    if not bool((weight >= 0).all() & weight.isfinite().all() & (weight.amax((1, 2)) > 0).all()):
        raise ValueError("weight must be finite, at least 0, and not 0 everywhere")
    weight = weight / weight.amax((1, 2), keepdim=True)  # however great: their mean is finite
    means = torch.stack([one.mean() for one in weight])  # one by one, or threads would sum a batch otherwise
    return weight / means.view(-1, 1, 1)


def fit_to_canvas(picture: Tensor, side: int) -> Tensor:
    """A picture ``(H, W, 3)`` uint8 as a target ``(1, 3, h, w)`` in [0, 1] with `side` as shorter side.

    Raises:
        ValueError: the longer side would be too long for a painting.
    """
    sides = check_size(_sides(picture.shape[0], picture.shape[1], side))
    return _resized(picture.permute(2, 0, 1)[None].float() / 255, sides).clamp(0, 1)
