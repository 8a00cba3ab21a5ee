"""Quality of critics: their gradients in the action against the renderer's, and their R^2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from agents import DDPG
from agents.common.agent import not_done
from agents.common.replay import Transition
from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import interval, interval_text
from paint_gym.canvas import CanvasState, model_step
from paint_gym.utils.files import replace_when_done

MEASURES = ("cosine, geometry", "cosine, colour", "R2, states", "R2, actions")
COLOURS = 3  # last values of a stroke
ACTIONS, NOISE = 8, 0.1
"""Number of actions tried in a state, and the standard deviation of their noise around the actor's own."""


def critic_quality(agent: DDPG, batch: Transition) -> Row:
    """Cosine of the critic's gradient and the true one, and the critic's R^2, on some states.

    True are the discounted rewards until the end of the episode, of one action and then of the actor's, with
    their gradient in that action through the renderer. Cosines are means over the states, at the actor's own
    actions, of the values of the strokes but for their colours, and of the colours. R^2 is the part of the
    variance of these returns that the critic explains: from state to state, for the actor's own actions; and
    from action to action in the same state, for actions with noise, which is what an actor learns from.
    """
    state = batch.state
    actions = agent.act(state).detach().requires_grad_()
    value, true = _value(agent, state, actions), _return(agent, state, actions)
    gradients = (_split(torch.autograd.grad(y.sum(), actions)[0], agent) for y in (value, true))
    geometry, colour = (nn.functional.cosine_similarity(*pair) for pair in zip(*gradients, strict=True))
    noise = torch.randn(ACTIONS * len(actions), actions.shape[1], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        tried = (actions.repeat(ACTIONS, 1) + NOISE * noise.to(actions)).clamp(0, 1)
        many = state.repeat(ACTIONS)
        differences = (
            _from_mean(y(agent, many, tried).view(ACTIONS, -1)).flatten() for y in (_value, _return)
        )
    values = (geometry.mean(), colour.mean(), _explained(value, true), _explained(*differences))
    return {name: number.item() for name, number in zip(MEASURES, values, strict=True)}


def _from_mean(values: Tensor) -> Tensor:
    return values - values.mean(0)


def _value(agent: DDPG, state: CanvasState, action: Tensor) -> Tensor:
    return agent.q_value(agent.critic, state, action).reshape(len(action), -1).mean(1)


def _return(agent: DDPG, state: CanvasState, action: Tensor) -> Tensor:
    total, weight = torch.zeros_like(action[:, 0]), torch.ones_like(action[:, 0])
    agent.actor.eval()
    while True:
        state, reward = model_step(state, action, agent.renderer, agent.reward)
        total = total + weight * reward
        weight = weight * agent.discount * not_done(state, agent.steps)
        if not weight.any():
            return total
        action = agent.apply(agent.actor, state)


def _split(gradient: Tensor, agent: DDPG) -> tuple[Tensor, Tensor]:
    """Geometry and colours of a gradient in an action."""
    strokes = gradient.view(len(gradient), agent.bundle, -1)
    return strokes[..., :-COLOURS].flatten(1), strokes[..., -COLOURS:].flatten(1)


def _explained(predicted: Tensor, true: Tensor) -> Tensor:
    return 1 - (predicted - true).square().mean() / true.var(correction=0).clamp(min=1e-12)


def critic_rows(rows: Iterable[Row], points: int = 4) -> list[Row]:
    """Means over the seeds with their intervals, at some points of each training."""
    by_method: dict[str, dict[int, list[Row]]] = {}
    for row in rows:
        by_method.setdefault(row["method"], {}).setdefault(row["seed"], []).append(row)
    table: list[Row] = []
    for method, seeds in by_method.items():
        shortest = min(len(curve) for curve in seeds.values())
        for index in np.unique(np.linspace(0, shortest - 1, points).astype(int)):
            at = [curve[index] for curve in seeds.values()]
            over = {name: interval([row[name] for row in at]) for name in ("seconds", *MEASURES)}
            made: Row = {"method": method, "seeds": len(at), "seconds": over.pop("seconds")[0]}
            table.append(made | {name: interval_text(value) for name, value in over.items()})
    return table


def draw_critics(rows: Sequence[Row], path: Path) -> None:
    """Write a PNG: each measure against seconds, each seed a thin line."""
    figure = Figure(figsize=(3.2 * len(MEASURES), 3.4), layout="constrained")
    methods = list(dict.fromkeys(row["method"] for row in rows))
    for axis, measure in zip(figure.subplots(1, len(MEASURES)), MEASURES, strict=True):
        for number, method in enumerate(methods):
            for seed in dict.fromkeys(row["seed"] for row in rows if row["method"] == method):
                curve = [row for row in rows if (row["method"], row["seed"]) == (method, seed)]
                x, y = ([row[name] for row in curve] for name in ("seconds", measure))
                axis.plot(x, np.clip(y, -1, 1), color=f"C{number}", alpha=0.5, linewidth=0.8)
            axis.plot([], [], color=f"C{number}", label=method)
        axis.axhline(0, color="grey", linewidth=0.6)
        axis.set(title=measure, xlabel="seconds of training", ylim=(-1, 1))
    axis.legend(fontsize="small")
    with replace_when_done(path) as temporary:
        figure.savefig(temporary, dpi=120)
