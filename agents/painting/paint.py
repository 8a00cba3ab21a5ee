"""Painting pictures with a policy, bundle by bundle."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from agents.common.config import STROKES
from agents.painting.colours import solve_colours
from agents.painting.constraints import StrokeConstraints
from agents.painting.options import OnL2, OnStrokes, PaintOptions
from agents.painting.policy import Policy, check_policy
from paint_gym.canvas import CanvasState, as_strokes
from paint_gym.metrics import mean_squared_error
from paint_gym.painting import MAX_SIDE, Painting, check_colour, check_size
from paint_gym.renderers import make_renderer
from paint_gym.utils.device import float32_default
from paint_gym.utils.errors import as_int
from paint_gym.utils.images import resize, scaled_sides, to_floats

ASPECT = 1.03  # greatest ratio between the aspect of a painting to go on with and that of the picture


@float32_default()
@torch.no_grad()
def paint(
    policy: Policy,
    targets: Tensor,
    max_strokes: int = 500,
    options: PaintOptions | None = None,
    on_bundle: OnL2 = None,
    on_strokes: OnStrokes = None,
) -> list[Painting]:
    """Paint pictures, on canvases of one colour or on paintings to go on with.

    Args:
        policy: the painter, with ``act(state)`` or ``act(state, steps)``; see `Policy`.
        targets: ``(B, 3, H, W)`` uint8, or float in [0, 1].
        max_strokes: strokes per painting, at least 1, those of ``options.init`` included; the last bundle is
            cut if they do not fill it. Paintings that have as many already are returned as they are.
        options: see `PaintOptions`.
        on_bundle: called after each bundle with the mean l2 by the policy's renderer.
        on_strokes: called after each bundle with its strokes, ``(B, k, stroke_dim)`` on the CPU.

    Raises:
        ValueError: a wrong `max_strokes`, wrong options, or paintings to go on with that do not fit the
            pictures or the policy; actions of another shape, or with NaN.
        TypeError: targets or actions that are not tensors, or a policy that is no painter.
    """
    options = options or PaintOptions()
    _check_targets(targets)
    check_policy(policy)
    max_strokes = as_int("max_strokes", max_strokes, *STROKES)
    side = None if options.canvas is None else as_int("canvas", options.canvas, 1, MAX_SIDE)
    weight = options.weight
    if weight is not None:
        weight = check_weight(weight, targets).to(policy.device)
        weight = _shrink(weight.unsqueeze(1), side).squeeze(1)
    act = _bind_act(policy, weight)
    target = _shrink(to_floats(targets.to(policy.device)), side)
    design = policy.renderer.design
    constraints = StrokeConstraints(design, options.palette, options.radii)
    background, backdrops = _backdrops(policy, targets, target, constraints, options)
    blank = backdrops[:, :, None, None].expand_as(target).clone()
    if options.canvas_image is not None:
        blank = _shrink(to_floats(options.canvas_image.to(policy.device)), side)
    bundles = [torch.empty(len(targets), 0, design.dim)]
    if options.init:
        bundles = [torch.stack([torch.tensor(painting.strokes) for painting in options.init])]
    strokes_done = bundles[0].shape[1]
    canvas = policy.renderer.paint(blank, bundles[0].to(target)) if strokes_done else blank
    first = math.ceil(strokes_done / policy.bundle)
    steps = first + math.ceil((max_strokes - strokes_done) / policy.bundle)
    state = CanvasState(canvas, target, torch.full((len(target),), first, device=policy.device))
    while strokes_done < max_strokes:
        bundle = as_strokes(act(state, steps), design.dim)[:, : max_strokes - strokes_done]
        bundle = constraints(bundle)
        bundles.append(bundle.cpu())
        strokes_done += bundle.shape[1]
        state = CanvasState(policy.renderer.paint(state.canvas, bundle), target, state.step + 1)
        if on_strokes is not None:
            on_strokes(bundles[-1])
        if on_bundle is not None:
            on_bundle(mean_squared_error(state.canvas, target).mean().item())
    strokes, opacity = torch.cat(bundles, 1), policy.renderer.opacity
    if options.colour_steps and options.palette is None and not options.init:
        renderer, steps = make_renderer("analytic", design, opacity), options.colour_steps
        strokes = solve_colours(strokes.to(target), blank, target, renderer, steps, weight).cpu()
    size = (targets.shape[2], targets.shape[3])
    return [
        Painting(painted, design, size, None if background is None else colour, opacity)
        for painted, colour in zip(strokes.numpy(), backdrops.tolist(), strict=True)
    ]


def _bind_act(policy: Policy, weight: Tensor | None) -> Callable[[CanvasState, int], Tensor]:
    """The policy's `act` as ``act(state, steps)``, with the weights of errors if there are any."""
    act: Callable[..., Tensor] = policy.act
    parameters = inspect.signature(act).parameters
    if weight is not None:
        if "weight" not in parameters:
            raise ValueError(f"{type(policy).__name__} does not weigh errors; leave the weight out")
        act = functools.partial(act, weight=weight)
    takes_steps = "steps" in parameters

    def checked(state: CanvasState, steps: int) -> Tensor:
        action = act(state, steps=steps) if takes_steps else act(state)
        if not isinstance(action, Tensor):
            raise TypeError(f"act must return a tensor, not {type(action).__name__}")
        shape = (len(state.canvas), policy.bundle * policy.renderer.design.dim)
        if action.shape != shape:
            needed = f"(B, bundle * stroke_dim), {shape}"
            raise ValueError(f"act must return bundles {needed}, not {tuple(action.shape)}")
        return action

    return checked


def _backdrops(
    policy: Policy, targets: Tensor, target: Tensor, constraints: StrokeConstraints, options: PaintOptions
) -> tuple[Sequence[float] | str | None, Tensor]:
    """The background of the paintings, and the colours ``(B, 3)`` of the fresh canvases."""
    background = options.background
    if options.canvas_image is not None:
        check_canvas_image(options.canvas_image, targets)
        background = None
    if options.init is not None:
        _check_init(options.init, targets, policy)
        colours = target.new_tensor([painting.backdrop for painting in options.init])
        return (options.init[0].background if options.init else None), colours
    if background == "auto":
        return background, constraints.nearest_colour((target.mean((2, 3)) * 255).round() / 255)
    colour = (1.0, 1.0, 1.0) if background is None else check_colour(background)
    return background, target.new_tensor(colour).expand(len(target), -1)


def _check_init(init: Sequence[Painting], targets: Tensor, policy: Policy) -> None:
    """Refuse paintings that a policy cannot go on with for pictures ``(B, 3, H, W)``."""
    if len(init) != len(targets):
        raise ValueError(f"{len(targets)} pictures need as many paintings to go on with, not {len(init)}")
    height, width = targets.shape[2:]
    design, opacity = policy.renderer.design, policy.renderer.opacity
    for painting in init:
        if (painting.design, painting.opacity) != (design, opacity):
            strokes = f"{painting.stroke} strokes of opacity {painting.opacity}"
            agent = f"the agent paints {design.name} strokes of {opacity}"
            raise ValueError(f"the painting has {strokes}, {agent}")
        tall, broad = painting.size
        if not 1 / ASPECT <= tall / broad * width / height <= ASPECT:
            picture = f"the picture of {height} x {width}"
            raise ValueError(f"the painting of {tall} x {broad} has another aspect than {picture}")
    if len({(len(painting), painting.background is None) for painting in init}) > 1:
        raise ValueError("paintings to go on with must have one number of strokes, and all a background")


def check_canvas_image(canvas_image: Tensor, targets: Tensor) -> None:
    """Refuse pictures of canvases that do not have the shape of the targets."""
    if canvas_image.shape != targets.shape:
        shapes = f"{tuple(targets.shape)}, not {tuple(canvas_image.shape)}"
        raise ValueError(f"canvas_image must be as the pictures, {shapes}")


def _check_targets(targets: Tensor) -> None:
    """Refuse targets that are not ``(B, 3, H, W)``, and say how one picture becomes that."""
    if not isinstance(targets, Tensor):
        convert = "of an array (H, W, 3) it is torch.from_numpy(array).permute(2, 0, 1)[None]"
        raise TypeError(f"pictures are a tensor (B, 3, H, W), not {type(targets).__name__}; {convert}")
    if targets.ndim != 4 or targets.shape[1] != 3:
        raise ValueError(f"pictures must be (B, 3, H, W), not {tuple(targets.shape)}")


def check_weight(weight: Tensor | None, target: Tensor) -> Tensor:
    """Weights ``(B, H, W)`` of mean 1 for targets ``(B, 3, H, W)``; 1 everywhere for None."""
    batch, _, height, width = target.shape
    if weight is None:
        return torch.ones(batch, height, width, device=target.device)
    if weight.shape not in ((height, width), (batch, height, width)):
        shapes = f"({height}, {width}) or ({batch}, {height}, {width})"
        raise ValueError(f"weight must be {shapes}, not {tuple(weight.shape)}")
    weight = weight.to(target.device, torch.float32).expand(batch, height, width)
    if not bool((weight >= 0).all() & weight.isfinite().all() & (weight.amax((1, 2)) > 0).all()):
        raise ValueError("weight must be finite, at least 0, and not 0 everywhere")
    weight = weight / weight.amax((1, 2), keepdim=True)  # so that the mean of great numbers is finite
    means = torch.stack([picture.mean() for picture in weight])  # a sum over a batch would round otherwise
    return weight / means.view(-1, 1, 1)


def fit_to_canvas(picture: Tensor, side: int) -> Tensor:
    """Scale a picture ``(H, W, 3)`` uint8 to a target ``(1, 3, h, w)`` in [0, 1] with `side` as shorter side.

    Raises:
        ValueError: the longer side would be too long for a painting.
    """
    sides = check_size(scaled_sides(picture.shape, side, min(picture.shape[:2])))
    return resize(picture.permute(2, 0, 1)[None].float() / 255, sides).clamp(0, 1)


def _shrink(pictures: Tensor, side: int | None) -> Tensor:
    """Scale pictures ``(B, C, H, W)`` to a shorter side of at most `side`."""
    if side is None or min(pictures.shape[2:]) <= side:
        return pictures
    return resize(pictures, scaled_sides(pictures.shape[2:], side, min(pictures.shape[2:])))
