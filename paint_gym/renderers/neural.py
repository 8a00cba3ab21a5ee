"""The neural renderer: a network that has learnt to paint the strokes of one design (paper, section 3.4).

It paints 128 x 128 pixels. The weights come with the package; ``paint-gym train-renderer`` makes new ones.
"""

from __future__ import annotations

import functools
from itertools import pairwise
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from paint_gym.renderers.base import Renderer, Size, check_size, check_strokes
from paint_gym.strokes import StrokeDesign
from paint_gym.utils.errors import named_file
from paint_gym.utils.registry import Registry
from paint_gym.utils.weights import fill, load_weights, save_weights

SIZE = 128  # pixels a side; the only size that the networks paint
WEIGHTS = Path(__file__).with_name("weights")  # networks that come with the package, a file for each design


class GridNetwork(nn.Module):
    """Paint each cell of 8 x 8 pixels with the same small network.

    Three fully connected layers of `hidden` units turn the stroke into `width` linear functions of position.
    Each cell evaluates them at its centre, and `depth` residual layers, shared by all cells, turn the values
    into 64 pixels. It learns in minutes, with 4% of the weights of `PaperNetwork` and half its operations.
    """

    places: Tensor
    cells = 16  # a side
    idle = 0.15  # fraction of the cells without an edge that a training step samples

    def __init__(self, parameters: int, width: int = 96, depth: int = 3, hidden: int = 512) -> None:
        super().__init__()
        self.stroke = nn.Sequential(
            nn.Linear(parameters, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 3 * width), nn.Unflatten(1, (3, width)),
        )  # fmt: skip
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.pixels = nn.Linear(width, (SIZE // self.cells) ** 2)
        middles = (torch.arange(self.cells) + 0.5) / self.cells * 2 - 1
        y, x = torch.meshgrid(middles, middles, indexing="ij")
        places = torch.stack([torch.ones_like(x), x, y], -1).flatten(0, 1)  # (cells * cells, 3)
        self.register_buffer("places", places, persistent=False)

    def forward(self, parameters: Tensor) -> Tensor:
        """Parameters ``(N, P)`` in [0, 1] to coverage ``(N, 128, 128)``."""
        patches = self._paint(self.places @ self.stroke(2 * parameters - 1)).sigmoid()
        side = (self.cells, self.cells, SIZE // self.cells, SIZE // self.cells)
        return patches.view(-1, *side).transpose(2, 3).reshape(-1, SIZE, SIZE)

    def _paint(self, functions: Tensor) -> Tensor:
        """The functions' values in cells ``(..., width)`` to logits of pixels ``(..., 64)``."""
        hidden = (2 * functions).relu()
        for layer in self.layers:
            hidden = hidden + layer(hidden).relu()
        logits: Tensor = self.pixels(hidden)
        return logits

    def loss(self, parameters: Tensor, truth: Tensor, rng: torch.Generator) -> Tensor:
        """Cross entropy of parameters ``(N, P)`` and coverage ``(N, 128, 128)``, for training.

        It has the minimum of the squared error, but its gradient does not fade where a cell is wrongly full
        or empty. It is estimated, without bias, from the cells that the stroke's edge or gradient crosses,
        and some of the others, which `rng` chooses.
        """
        side = SIZE // self.cells
        patches = truth.view(-1, self.cells, side, self.cells, side).transpose(2, 3).flatten(3).flatten(1, 2)
        chance = torch.where(patches.amax(2) - patches.amin(2) > 0.01, 1.0, self.idle)
        drawn = torch.rand(chance.shape, generator=rng).to(chance) < chance
        stroke, cell = drawn.nonzero().unbind(1)
        functions = self.stroke(2 * parameters - 1).index_select(0, stroke)
        functions = (functions * self.places[cell].unsqueeze(2)).sum(1)
        logits = self._paint(functions).float()
        wrong = binary_cross_entropy_with_logits(logits, patches[stroke, cell], reduction="none")
        return (wrong / chance[stroke, cell].unsqueeze(1)).sum() / truth.numel()


class PaperNetwork(nn.Module):
    """The network of Fig. 12: four fully connected layers, then three times two convolutions and a shuffle.

    The figure leaves the widths after the third layer open; they are those of the authors' published code.
    """

    def __init__(self, parameters: int) -> None:
        super().__init__()
        widths = (parameters, 512, 1024, 2048, 16 * 16 * 16)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        layers.append(nn.Unflatten(1, (16, 16, 16)))
        for inputs, hidden, outputs in ((16, 32, 32), (8, 16, 16), (4, 8, 4)):
            layers += [nn.Conv2d(inputs, hidden, 3, padding=1), nn.ReLU()]
            layers += [nn.Conv2d(hidden, outputs, 3, padding=1), nn.PixelShuffle(2)]
        self.layers = nn.Sequential(*layers)

    def forward(self, parameters: Tensor) -> Tensor:
        """Parameters ``(N, P)`` in [0, 1] to coverage ``(N, 128, 128)``."""
        logits: Tensor = self.layers(parameters)
        return logits.sigmoid().squeeze(1)

    def loss(self, parameters: Tensor, truth: Tensor, rng: torch.Generator) -> Tensor:
        """Cross entropy of all pixels: with the squared error, training ends with blank canvases."""
        return binary_cross_entropy_with_logits(self.layers(parameters).squeeze(1).float(), truth)


Network = GridNetwork | PaperNetwork
NETWORKS = Registry[type[Network]]("network", {"grid": GridNetwork, "paper": PaperNetwork})


def make_network(name: str, design: StrokeDesign) -> Network:
    """A network with random weights: ``"grid"``, or ``"paper"`` for that of Fig. 12; else a `ValueError`."""
    return NETWORKS[name](len(design.parameters))


def save_network(path: str | PathLike[str], network: nn.Module, name: str, design: StrokeDesign) -> None:
    """Write a network for `NeuralRenderer`, in half precision, as one safetensors file."""
    halves = {f"weights/{key}": value.half() for key, value in network.state_dict().items()}
    about = {"name": name, "stroke": design.name, "parameters": list(design.parameters)}
    save_weights(path, halves, {"network": about})


def load_network(file: Path, design: StrokeDesign) -> nn.Module:
    """Read a file of `save_network`, for strokes of this design.

    Raises:
        FileNotFoundError: no such file; for a design without weights the message says what to do.
        ValueError: the file is damaged, none of `save_network`, or for another design.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f"no network that paints {design.name} strokes at {file}; make one with "
            f'`paint-gym train-renderer --stroke {design.name}`, or take renderer="analytic", without weights'
        )
    tensors, header = load_weights(file, "weights/")
    about = header.get("network")
    if not isinstance(about, dict) or about.get("name") not in NETWORKS:
        raise ValueError(f"{file} holds no network that paints strokes")
    if (about.get("stroke"), about.get("parameters")) != (design.name, list(design.parameters)):
        raise ValueError(
            f"{file} holds a network for {about.get('stroke')} strokes {about.get('parameters')}, not for "
            f"{design.name} strokes {list(design.parameters)}"
        )
    network = make_network(about["name"], design)
    with named_file(file):
        fill(network, tensors)
    return network.requires_grad_(False).eval()


class NeuralRenderer(Renderer):
    """Paints 128 x 128 pixels with a network, loaded at first use; gradients as the network has them.

    `weights` is a file of `save_network`; by default the one that comes with the package.
    """

    differentiable = True
    side = SIZE

    def __init__(
        self, design: StrokeDesign, opacity: tuple[float, float] = (0.0, 1.0), weights: str | None = None
    ) -> None:
        super().__init__(design, opacity)
        self.name = "neural" if weights is None else f"neural:{weights}"
        self.weights = WEIGHTS / f"{design.name}.safetensors" if weights is None else Path(weights)

    def __call__(self, strokes: Tensor, size: Size) -> Tensor:
        """Coverage ``(N, 128, 128)`` in [0, 1] of stroke vectors ``(N, stroke_dim)``; no colour.

        Raises:
            ValueError: another size, strokes of the wrong length or with NaN or inf, or see `load_network`.
        """
        check_size(self, size)
        check_strokes(strokes, self.design)
        strokes = strokes.double() if strokes.dtype == torch.float64 else strokes.float()
        written = self.weights.stat().st_mtime_ns if self.weights.is_file() else 0
        network = _network(self.weights, written, self.design, strokes.device, strokes.dtype)
        with torch.autocast(strokes.device.type, enabled=False):
            coverage: Tensor = network(self.design.scale_alpha(strokes, self.opacity))
        return coverage


@functools.lru_cache(maxsize=8)
def _network(
    file: Path, written: int, design: StrokeDesign, device: torch.device, dtype: torch.dtype
) -> nn.Module:
    """The network of a file, read again if the file has been written since."""
    return load_network(file, design).to(device, dtype)
