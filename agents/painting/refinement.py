"""Refinement: all strokes of finished paintings, optimised jointly through the renderer.

The agent decides how many strokes there are, in which order, and roughly where; gradient descent on the mean
squared error then moves all of them at once. Strokes that have come to show nothing are drawn anew, on top,
where the error is great. Number, design and opacity range stay as they were; the order of strokes does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from agents.painting.constraints import Allowed
from agents.painting.paint import check_easel, check_weight
from agents.painting.palette import EXACT
from agents.painting.stroke_adam import StrokeAdam, rates
from paint_gym.painting import Painting
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.strokes import COLOUR
from paint_gym.utils.device import pick_device
from paint_gym.utils.images import to_floats

# Adam with a short memory, for few steps; found on validation pictures.
GEOMETRY_RATE = 0.02  # of positions and radii, in canvas sides; falls to 0 in a straight line
PAINT_RATE = 0.1  # of alphas and colours
BETAS = (0.7, 0.85)
FEW = 200  # with more strokes than these, which are smaller, rates fall as the root of their number
RESEED_EVERY = 10  # iterations; the last third has none
RECOLOUR_EVERY = 5  # iterations, with a palette
RESEEDED = 0.04  # of all strokes, those that show least
SEED_SIDE = 0.08  # side of the window in which a new stroke begins, in shorter canvas sides

P = TypeVar("P", Painting, list[Painting])


def refine(
    painting: P,
    target: Tensor,
    iterations: int = 50,
    device: str | torch.device = "auto",
    on_iteration: Callable[[float], object] | None = None,
    until: float = 0.0,
    weight: Tensor | None = None,
    palette: Tensor | None = None,
    radii: tuple[float, float] | None = None,
    on_strokes: Callable[[Tensor], object] | None = None,
    alpha: Tensor | None = None,
    easel: Tensor | None = None,
) -> P:
    """Optimise all strokes of a painting, or of several at once.

    What is returned is the best that was met on the way, so never worse than what was given, as the
    analytic renderer paints it.

    Args:
        painting: one, or a list of B of the same stroke design, opacity and number of strokes.
        target: ``(3, H, W)`` for one painting, ``(B, 3, H, W)`` for several; uint8, or float in [0, 1].
        iterations: steps of gradient, at least 0.
        device: where.
        on_iteration: called after each step with the mean l2 so far; if it gives something true, that was the
            last step.
        until: an l2, in [0, 1], at which it ends: that of the worst of the paintings.
        weight: how much the error of each pixel counts, ``(H, W)`` or ``(B, H, W)``, at least 0 and not 0
            everywhere; l2 is then the weighted mean.
        palette: colours ``(K, 3)`` in [0, 1], of which each stroke gets one; by default any.
        radii: least and greatest radius of a stroke, in shorter canvas sides; by default any. Strokes that
            are not so are moved to the nearest that are, and the best is looked for from there.
        alpha: how opaque the picture is, ``(H, W)`` or ``(B, H, W)`` in [0, 1], for paintings without a
            background; `target` is then how it looks on white. What is transparent is to stay so.
        easel: what the strokes are painted on, shaped as `target`, in place of a background.
        on_strokes: called after each step with all strokes, ``(B, K, stroke_dim)``, where they are by then.

    Raises:
        TypeError: a target that is no tensor.
        ValueError: shapes or paintings that do not go together, a negative number of iterations, pictures or
            weights that are none.
    """
    if not isinstance(target, Tensor):
        raise TypeError(f"target must be a tensor, not {type(target).__name__}")
    if isinstance(painting, Painting):
        if target.ndim != 3:
            raise ValueError(f"one painting needs one picture (3, H, W), not {tuple(target.shape)}")
        return refine(
            [painting], target[None], iterations, device, on_iteration, until,
            weight, palette, radii, on_strokes, alpha, None if easel is None else easel[None],
        )[0]  # fmt: skip
    _check(painting, target, iterations, until)
    if not iterations or not painting or not len(painting[0]):
        return painting
    with torch.inference_mode(False), torch.enable_grad():
        floats = to_floats(target.to(pick_device(device))).clone()
        work = _Refinement(painting, floats, check_weight(weight, floats), palette, radii, alpha, easel)
        strokes = work.run(iterations, until, on_iteration, on_strokes).cpu().numpy()
    return [
        Painting(best, old.design, old.size, old.background, old.opacity)
        for best, old in zip(strokes, painting, strict=True)
    ]


class _Refinement:
    """Paintings at work.

    Args:
        paintings: B of them, of one design, opacity and number of strokes.
        target: ``(B, 3, H, W)`` in [0, 1].
        weight: ``(B, H, W)``, of mean 1.
        palette: see `refine`.
        radii: see `refine`.
        alpha: see `refine`.
        easel: see `refine`.
    """

    def __init__(
        self,
        paintings: list[Painting],
        target: Tensor,
        weight: Tensor,
        palette: Tensor | None,
        radii: tuple[float, float] | None,
        alpha: Tensor | None,
        easel: Tensor | None,
    ) -> None:
        self.renderer: Renderer = make_renderer("analytic", paintings[0].design, paintings[0].opacity)
        self.allowed = Allowed(paintings[0].design, palette, radii)
        self.target, self.weight = target, weight
        if easel is None:
            backdrops = torch.tensor([one.backdrop for one in paintings], device=target.device)
            blank = backdrops.view(-1, 3, 1, 1).expand_as(target)
        else:
            check_easel(easel, target)
            blank = to_floats(easel.to(target.device))
        self.sheets = [(blank, target)]  # what is painted on, and how it shall look
        if alpha is not None:
            if any(one.background for one in paintings):
                raise ValueError("alpha is for paintings without a background")
            if alpha.shape not in (target.shape[2:], target[:, 0].shape):
                raise ValueError(f"alpha must be {tuple(target.shape[2:])}, not {tuple(alpha.shape)}")
            clear = 1 - alpha.to(target).clamp(0, 1).expand(target[:, 0].shape).unsqueeze(1)
            if easel is None:
                self.sheets.append((torch.zeros_like(target), (target - clear).clamp(0, 1)))
        begun = torch.stack([torch.tensor(one.strokes) for one in paintings]).to(target.device)
        slower = min(1.0, math.sqrt(FEW / begun.shape[1]))
        rate = rates(self.renderer.design, slower * GEOMETRY_RATE, slower * PAINT_RATE)
        if palette is not None:
            rate[-len(COLOUR) :] = 0  # see `_recolour`
        self.adam = StrokeAdam(begun, rate.to(target.device), BETAS)
        self.random = torch.Generator().manual_seed(0)  # on the CPU: the same strokes on every device

    def run(
        self,
        iterations: int,
        until: float,
        on_iteration: Callable[[float], object] | None,
        on_strokes: Callable[[Tensor], object] | None,
    ) -> Tensor:
        """The best strokes ``(B, K, stroke_dim)`` that are met on the way."""
        adam = self.adam
        best, least = adam.strokes, torch.full((len(self.target),), torch.inf, device=self.target.device)
        for i in range(iterations + 1):
            strokes = adam.strokes.requires_grad_()
            painted = self.allowed(strokes)
            canvases = [self.renderer.paint(blank, painted) for blank, _ in self.sheets]
            errors = [
                (canvas - sheet[1]).square().mean(1)
                for canvas, sheet in zip(canvases, self.sheets, strict=True)
            ]
            error = sum(errors[1:], errors[0]) / len(errors) * self.weight  # (B, H, W)
            l2 = torch.stack([one.mean() for one in error])  # as if each were alone, to the last bit
            with torch.no_grad():
                better = l2 < least
                best = torch.where(better.view(-1, 1, 1), strokes, best)
                least = torch.where(better, l2, least)
            if i and on_strokes is not None:
                on_strokes(self.allowed.nearest(strokes.detach()))
            ended = i and on_iteration is not None and on_iteration(least.mean().item())
            if ended or i == iterations or least.max().item() <= until:
                break
            reseeds = 0 < i < iterations * 2 / 3 and i % RESEED_EVERY == 0
            recolours = self.allowed.palette is not None and i % RECOLOUR_EVERY == 0
            shown = self._shown(canvases[0], strokes) if reseeds or recolours else None
            (gradient,) = torch.autograd.grad(l2.sum(), strokes)  # each painting learns as if it were alone
            if shown is not None and recolours:
                self._recolour(shown, gradient)
            adam.step(gradient, 1 - i / iterations)
            if shown is not None and reseeds:
                self._reseed(shown, error.detach())
        return self.allowed.nearest(best.detach())

    @staticmethod
    def _shown(canvas: Tensor, strokes: Tensor) -> Tensor:
        """How much of each stroke is seen on the canvas, in pixels ``(B, K)``."""
        (gradient,) = torch.autograd.grad(canvas.sum(), strokes, retain_graph=True)
        return gradient[..., -len(COLOUR) :].sum(-1)

    def _recolour(self, shown: Tensor, gradient: Tensor) -> None:
        """Give each stroke the colour of the palette that lowers the error most where it is seen.

        The error is quadratic in the colour of a stroke, so its least is a Newton step away.
        """
        pixels, geometry = self.target[0, 0].numel(), self.adam.strokes[..., : -len(COLOUR)]
        colours = self.allowed.nearest(self.adam.strokes)[..., -len(COLOUR) :]
        step = gradient[..., -len(COLOUR) :] * (len(COLOUR) * pixels / 2)
        best = colours - step / shown.clamp(min=1.0).unsqueeze(-1)
        palette = self.allowed.palette
        assert palette is not None
        palette = palette.to(best)
        nearest = palette[torch.cdist(best, palette, compute_mode=EXACT).argmin(-1)]
        self.adam.strokes = torch.cat([geometry, nearest], -1).detach()

    def _reseed(self, shown: Tensor, error: Tensor) -> None:
        """Draw those that show least anew, where the error ``(B, H, W)`` is great."""
        count = shown.shape[1]
        fewest = int(RESEEDED * count)
        if not fewest:
            return
        kept = shown.argsort(1, descending=True)[:, : count - fewest].sort(1).values
        height, width = error.shape[1:]
        broad = max(1, int(SEED_SIDE * min(height, width)) // 2 * 2 + 1)
        around = error.unsqueeze(1)
        for window in ((broad, 1), (1, broad)):  # the mean of means over a rectangle is its mean
            pad = (window[0] // 2, window[1] // 2)
            around = avg_pool2d(around, window, 1, pad, count_include_pad=False)
        total = (around.flatten(1).double() + 1e-12).cumsum(1)
        # the same random numbers for each painting, so that none depends on the others
        chance = torch.rand(fewest, generator=self.random).to(total).expand(len(total), -1)
        place = torch.searchsorted(total, chance * total[:, -1:]).clamp(max=height * width - 1)
        self.adam.replace(kept, self._strokes_at(place, height, width))

    def _strokes_at(self, place: Tensor, height: int, width: int) -> Tensor:
        """Small strokes in the target's colours around pixels ``(B, n)``: ``(B, n, stroke_dim)``."""
        design, (batch, count) = self.renderer.design, place.shape
        strokes = torch.rand(count, design.dim, generator=self.random).to(self.target)
        for i, kind in enumerate(design.kinds):
            if kind == "alpha":
                strokes[..., i] = 0.5
            elif kind == "radius":
                strokes[..., i] *= 0.5
        y, x = (place // width + 0.5) / height, (place % width + 0.5) / width
        shorter, y, x = min(height, width), y.flatten().to(strokes), x.flatten().to(strokes)
        broad, tall = SEED_SIDE * shorter / width, SEED_SIDE * shorter / height
        sides = [torch.full_like(x, value) for value in (broad, tall, SEED_SIDE)]
        everywhere = strokes.repeat(batch, 1).unsqueeze(1)
        moved = design.window_to_canvas(everywhere, x - broad / 2, y - tall / 2, *sides)
        index = place.unsqueeze(1).expand(-1, len(COLOUR), -1)
        colours = self.target.flatten(2).gather(2, index).transpose(1, 2)
        return torch.cat([moved.view(batch, count, -1)[..., : -len(COLOUR)].clamp(0, 1), colours], -1)


def _check(paintings: list[Painting], target: Tensor, iterations: int, until: float) -> None:
    if iterations < 0:
        raise ValueError(f"iterations must be at least 0, not {iterations}")
    if not until >= 0:
        raise ValueError(f"until must be at least 0, not {until}")
    if target.ndim != 4 or len(target) != len(paintings) or target.shape[1] != 3:
        raise ValueError(
            f"{len(paintings)} paintings need a target of {len(paintings)} pictures (3, H, W) each, "
            f"not {tuple(target.shape)}"
        )
    kinds = {(one.design, one.opacity, len(one)) for one in paintings}
    if len(kinds) > 1:
        raise ValueError(
            "paintings are refined together only if stroke design, opacity and number of strokes are the "
            "same; refine them one by one"
        )
