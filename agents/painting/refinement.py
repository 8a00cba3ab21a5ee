"""Refinement: all strokes of finished paintings, optimised jointly through the renderer.

Gradient descent on the mean squared error moves all strokes at once. Those that are hardly visible any more
are drawn anew, on top, where the error is great. Number, design and opacity range stay; the order does not.
"""

from __future__ import annotations

import functools
import math
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from agents.painting.constraints import StrokeConstraints
from agents.painting.options import OnL2, OnStrokes, PaintOptions
from agents.painting.paint import check_canvas_image, check_weight
from agents.painting.palette import EXACT
from agents.painting.pruning import helpful
from agents.painting.stroke_adam import StrokeAdam, rates
from paint_gym.painting import Painting
from paint_gym.renderers import make_renderer
from paint_gym.strokes import COLOUR
from paint_gym.utils.device import float32_default, pick_device
from paint_gym.utils.images import to_floats

# Adam with a short memory, for few steps; found on validation pictures.
GEOMETRY_RATE = 0.02  # rate of positions and radii, in canvas sides; falls to 0 in a straight line
PAINT_RATE = 0.1  # rate of alphas and colours
BETAS = (0.7, 0.85)
FEW = 200  # above this number of strokes, which are smaller, rates fall as the root of their number
RESEED_EVERY = 10  # iterations; the last third has none
RECOLOUR_EVERY = 5  # iterations, with a palette
RESEEDED = 0.04  # fraction of strokes, the least visible, that are drawn anew
SEED_SIDE = 0.08  # side of the window in which a new stroke begins, in shorter canvas sides

P = TypeVar("P", Painting, list[Painting])


def refine(
    painting: P,
    target: Tensor,
    iterations: int = 100,
    options: PaintOptions | None = None,
    on_iteration: OnL2 = None,
    on_strokes: OnStrokes = None,
    device: str | torch.device = "auto",
) -> P:
    """Optimise all strokes of a painting, or of several at once.

    Returns the best paintings on the way by the analytic renderer, so never worse ones than before.

    Args:
        painting: one, or a list of B with the same stroke design, opacity and number of strokes.
        target: ``(3, H, W)`` for one painting, ``(B, 3, H, W)`` for several; uint8, or float in [0, 1].
        iterations: gradient steps, at least 0.
        options: see `PaintOptions`; `background`, `init` and `canvas` do not count. Strokes that `palette`
            and `radii` do not allow are moved first.
        on_iteration: called after each step with the mean l2 so far; a true result ends the refinement.
        on_strokes: called after each step with the current strokes, ``(B, K, stroke_dim)``.
        device: device to compute on.

    Raises:
        TypeError: a target that is not a tensor.
        ValueError: shapes or paintings that do not go together, a negative number of iterations, or wrong
            options.
    """
    options = options or PaintOptions()
    if not isinstance(target, Tensor):
        raise TypeError(f"target must be a tensor, not {type(target).__name__}")
    if isinstance(painting, Painting):
        if target.ndim != 3:
            raise ValueError(f"one painting needs one picture (3, H, W), not {tuple(target.shape)}")
        (refined,) = refine([painting], target[None], iterations, options, on_iteration, on_strokes, device)
        return refined
    _check(painting, target, iterations, options.until)
    if not iterations or not painting or not len(painting[0]):
        return painting
    with float32_default(), torch.inference_mode(False), torch.enable_grad():
        floats = to_floats(target.to(pick_device(device))).clone()
        refinement = _Refinement(painting, floats, options)
        strokes = refinement.run(iterations, on_iteration, on_strokes).cpu().numpy()
    return [
        Painting(best, old.design, old.size, old.background, old.opacity)
        for best, old in zip(strokes, painting, strict=True)
    ]


class _Refinement:
    """State of a refinement of B paintings towards targets ``(B, 3, H, W)`` in [0, 1]."""

    def __init__(self, paintings: list[Painting], target: Tensor, options: PaintOptions) -> None:
        self.renderer = make_renderer("analytic", paintings[0].design, paintings[0].opacity)
        self.constraints = StrokeConstraints(paintings[0].design, options.palette, options.radii)
        self.target, self.weight, self.until = target, check_weight(options.weight, target), options.until
        self.layers = layers_of(paintings, target, options)
        self.prunes = needs_pruning(paintings[0], options)
        colours = self.constraints.palette
        if colours is not None:  # least error of each pixel, with the best of the palette
            errors = ((colour.to(target).view(3, 1, 1) - target).square().mean(1) for colour in colours)
            self.least_error = functools.reduce(torch.minimum, errors) * self.weight
        strokes = torch.stack([torch.tensor(painting.strokes) for painting in paintings]).to(target.device)
        slower = min(1.0, math.sqrt(FEW / strokes.shape[1]))
        rate = rates(self.renderer.design, slower * GEOMETRY_RATE, slower * PAINT_RATE)
        if options.palette is not None:
            rate[-len(COLOUR) :] = 0  # see `_recolour`
        self.adam = StrokeAdam(strokes, rate.to(target.device), BETAS)
        self.random = torch.Generator().manual_seed(0)  # on the CPU: the same strokes on every device

    def run(self, iterations: int, on_iteration: OnL2, on_strokes: OnStrokes) -> Tensor:
        """The best strokes on the way, ``(B, K, stroke_dim)``."""
        adam = self.adam
        best, best_l2 = adam.strokes, torch.full((len(self.target),), torch.inf, device=self.target.device)
        for i in range(iterations + 1):
            strokes = adam.strokes.requires_grad_()
            constrained = self.constraints(strokes)
            canvases = [self.renderer.paint(backdrop, constrained) for backdrop, _ in self.layers]
            pairs = zip(canvases, self.layers, strict=True)
            errors = [(canvas - target).square().mean(1) for canvas, (_, target) in pairs]
            error = sum(errors[1:], errors[0]) / len(errors) * self.weight  # (B, H, W)
            l2 = torch.stack([picture.mean() for picture in error])  # rounded as for a batch of one
            with torch.no_grad():
                better = l2 < best_l2
                best = torch.where(better.view(-1, 1, 1), strokes, best)
                best_l2 = torch.where(better, l2, best_l2)
            if i and on_strokes is not None:
                on_strokes(self.constraints.nearest(strokes.detach()))
            ended = i and on_iteration is not None and on_iteration(best_l2.mean().item())
            if ended or i == iterations or best_l2.max().item() <= self.until:
                break
            reseeds = (i > 0 or self.prunes) and i < iterations * 2 / 3 and i % RESEED_EVERY == 0
            recolours = self.constraints.palette is not None and i % RECOLOUR_EVERY == 0
            if reseeds or recolours:
                (slope,) = torch.autograd.grad(canvases[0].sum(), strokes, retain_graph=True)
                visibility = slope[..., -len(COLOUR) :].sum(-1)  # area in pixels, (B, K)
            helps = self._helpful(constrained.detach()) if reseeds and self.prunes else None
            (gradient,) = torch.autograd.grad(l2.sum(), strokes)  # paintings do not depend on each other
            if recolours:
                self._recolour(visibility, gradient)
            adam.step(gradient, 1 - i / iterations)
            if reseeds:
                self._reseed(visibility, error.detach(), helps)
        return self.constraints.nearest(best.detach())

    def _recolour(self, visibility: Tensor, gradient: Tensor) -> None:
        """Give each stroke the colour of the palette that lowers the error most where it is visible.

        The error is quadratic in the colour of a stroke, so its minimum is one Newton step away.
        """
        assert self.constraints.palette is not None
        pixels, palette = self.target[0, 0].numel(), self.constraints.palette.to(gradient)
        colours = self.constraints.nearest(self.adam.strokes)[..., -len(COLOUR) :]
        step = gradient[..., -len(COLOUR) :] * (len(COLOUR) * pixels / 2)
        minimum = colours - step / visibility.clamp(min=1.0).unsqueeze(-1)
        nearest = palette[torch.cdist(minimum, palette, compute_mode=EXACT).argmin(-1)]
        self.adam.strokes = torch.cat([self.adam.strokes[..., : -len(COLOUR)], nearest], -1).detach()

    def _helpful(self, strokes: Tensor) -> Tensor:
        """Mask of the strokes that lower the error, ``(B, K)`` bool."""
        canvas, target = (torch.stack(pictures, 1) for pictures in zip(*self.layers, strict=True))
        pictures = zip(strokes, canvas, target, self.weight, strict=True)
        return torch.stack([helpful(self.renderer, *picture) for picture in pictures])

    def _reseed(self, visibility: Tensor, error: Tensor, helps: Tensor | None) -> None:
        """Draw the least visible strokes anew, and those that do not help, where the error can be lowered."""
        count = visibility.shape[1]
        fewest = int(RESEEDED * count)
        if helps is not None:
            fewest = max(fewest, int((~helps).sum(1).max()))
            visibility = torch.where(helps, visibility, -1.0)
        if not fewest:
            return
        error = (error - self.least_error).clamp(min=0) if self.constraints.palette is not None else error
        visible = visibility.argsort(1, descending=True)[:, : count - fewest].sort(1).values
        height, width = error.shape[1:]
        window = max(1, int(SEED_SIDE * min(height, width)) // 2 * 2 + 1)
        around = error.unsqueeze(1)
        for kernel in ((window, 1), (1, window)):  # the mean of means over a rectangle is its mean
            pad = (kernel[0] // 2, kernel[1] // 2)
            around = avg_pool2d(around, kernel, 1, pad, count_include_pad=False)
        total = (around.flatten(1).double() + 1e-12).cumsum(1)
        # the same random numbers for each painting, so that paintings do not depend on each other
        chance = torch.rand(fewest, generator=self.random).to(total).expand(len(total), -1)
        place = torch.searchsorted(total, chance * total[:, -1:]).clamp(max=height * width - 1)
        self.adam.replace(visible, self._strokes_at(place, height, width))

    def _strokes_at(self, place: Tensor, height: int, width: int) -> Tensor:
        """Small strokes in the target's colours around pixels ``(B, n)``: ``(B, n, stroke_dim)``."""
        design, (batch, count) = self.renderer.design, place.shape
        strokes = torch.rand(count, design.dim, generator=self.random).to(self.target)
        strokes[:, [i for i, kind in enumerate(design.kinds) if kind == "alpha"]] = 0.5
        strokes[:, [i for i, kind in enumerate(design.kinds) if kind == "radius"]] *= 0.5
        y, x = (place // width + 0.5) / height, (place % width + 0.5) / width
        shorter, y, x = min(height, width), y.flatten().to(strokes), x.flatten().to(strokes)
        broad, tall = SEED_SIDE * shorter / width, SEED_SIDE * shorter / height
        sides = [torch.full_like(x, value) for value in (broad, tall, SEED_SIDE)]
        strokes = strokes.repeat(batch, 1).unsqueeze(1)
        moved = design.window_to_canvas(strokes, x - broad / 2, y - tall / 2, *sides)
        index = place.unsqueeze(1).expand(-1, len(COLOUR), -1)
        colours = self.target.flatten(2).gather(2, index).transpose(1, 2)
        return torch.cat([moved.view(batch, count, -1)[..., : -len(COLOUR)].clamp(0, 1), colours], -1)


@torch.no_grad()
def prune(painting: Painting, target: Tensor, options: PaintOptions) -> Painting:
    """A painting without the strokes that do not help, of a target ``(1, 3, H, W)`` in [0, 1]."""
    canvas, targets = map(torch.cat, zip(*layers_of([painting], target, options), strict=True))
    renderer = make_renderer("analytic", painting.design, painting.opacity)
    weight, strokes = check_weight(options.weight, target)[0], torch.tensor(painting.strokes).to(target)
    while len(strokes):
        helps = helpful(renderer, strokes, canvas, targets, weight)
        if bool(helps.all()):
            break
        strokes = strokes[helps]
    return Painting(strokes, painting.design, painting.size, painting.background, painting.opacity)


def needs_pruning(painting: Painting, options: PaintOptions) -> bool:
    """True if strokes can do harm without a gradient: opaque paint, few colours, transparent parts."""
    return painting.opacity[0] == 1 or options.palette is not None or options.alpha is not None


def layers_of(
    paintings: list[Painting], target: Tensor, options: PaintOptions
) -> list[tuple[Tensor, Tensor]]:
    """Backdrops to paint on, and the targets on them: two where the picture is transparent."""
    if options.canvas_image is not None:
        check_canvas_image(options.canvas_image, target)
        return [(to_floats(options.canvas_image.to(target.device)), target)]
    colours = torch.tensor([painting.backdrop for painting in paintings], device=target.device)
    layers = [(colours.view(-1, 3, 1, 1).expand_as(target), target)]
    if options.alpha is not None:
        if any(painting.background for painting in paintings):
            raise ValueError("alpha is for paintings without a background")
        if options.alpha.shape not in (target.shape[2:], target[:, 0].shape):
            raise ValueError(f"alpha must be {tuple(target.shape[2:])}, not {tuple(options.alpha.shape)}")
        clear = 1 - options.alpha.to(target).clamp(0, 1).expand(target[:, 0].shape).unsqueeze(1)
        layers.append((torch.zeros_like(target), (target - clear).clamp(0, 1)))
    return layers


def _check(paintings: list[Painting], target: Tensor, iterations: int, until: float) -> None:
    for name, value in {"iterations": iterations, "until": until}.items():
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, not {value}")
    if target.ndim != 4 or len(target) != len(paintings) or target.shape[1] != 3:
        pictures = f"a target of {len(paintings)} pictures (3, H, W) each"
        raise ValueError(f"{len(paintings)} paintings need {pictures}, not {tuple(target.shape)}")
    if len({(painting.design, painting.opacity, len(painting)) for painting in paintings}) > 1:
        raise ValueError("paintings of several designs, opacities or numbers of strokes: refine one by one")
