"""Each algorithm's targets by hand, and that each learns."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from agents import (
    DDPG,
    AgentSpec,
    Diverged,
    Learning,
    ModelBasedDDPG,
    PatchQDDPG,
    TrainConfig,
    Trainer,
    build_agent,
)
from agents.common.agent import Proposals, follow
from agents.common.replay import Transition
from agents.painter import l2_by_raster, paint
from agents.training import trainer as training
from agents.training.trainer import run_to_the_end
from paint_gym import L2Reward, make_renderer, register_dataset
from paint_gym.canvas import CanvasState


class Constant(torch.nn.Module):
    """Answers with learnt numbers, whatever it sees."""

    def __init__(self, *shape: int, value: float = 0.5) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.full(shape, value))

    def forward(self, canvas, target, step, steps, action: torch.Tensor | None = None) -> torch.Tensor:
        answer = self.value.expand(len(canvas), *self.value.shape)
        return answer if action is None else answer + 0 * action.sum()  # an actor has what to climb


def transition(step: int = 0) -> Transition:
    torch.manual_seed(0)
    canvas, target, painted = torch.rand(3, 4, 3, 16, 16)
    states = [CanvasState(one, target, torch.full((4,), step + i)) for i, one in enumerate((canvas, painted))]
    return Transition(states[0], torch.rand(4, 14), states[1])


def agent_of(kind: type, critic: torch.nn.Module, **learning) -> ModelBasedDDPG:
    settings = Learning(bf16=False, **learning)
    return kind(
        Constant(14), critic, make_renderer("analytic", "circle"), L2Reward(patches=4), 4, 2, settings
    )


def l2(canvas: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (canvas - target).square().mean((1, 2, 3))


@pytest.mark.parametrize(("step", "ahead"), [(0, 1.0), (3, 0.0)])
def test_value_target_of_model_based(step: int, ahead: float) -> None:
    """Wanted: r + gamma^k V'(s'), and nothing ahead after the last bundle; k is 2."""
    agent, batch = agent_of(ModelBasedDDPG, Constant(value=2.0), gamma=0.9), transition(step)
    after = agent.renderer.paint(batch.state.canvas, torch.full((4, 2, 7), 0.5))
    reward = l2(batch.state.canvas, batch.state.target) - l2(after, batch.state.target)
    expected = (2.0 - (reward + 0.9**2 * ahead * 2.0)).square().mean()
    metrics = agent.update(batch)
    assert metrics["losses/critic"] == pytest.approx(expected.item(), rel=1e-4)
    assert metrics["charts/reward"] == pytest.approx(reward.mean().item(), rel=1e-4)


@pytest.mark.parametrize(("step", "ahead"), [(0, 1.0), (3, 0.0)])
def test_q_target_of_ddpg(step: int, ahead: float) -> None:
    """Wanted: the reward of the stored transition, and gamma^k Q'(s', pi'(s')) if strokes are left."""
    agent, batch = agent_of(DDPG, Constant(value=2.0), gamma=0.9), transition(step)
    reward = l2(batch.state.canvas, batch.state.target) - l2(batch.after.canvas, batch.state.target)
    expected = (2.0 - (reward + 0.9**2 * ahead * 2.0)).square().mean()
    assert agent.update(batch)["losses/critic"] == pytest.approx(expected.item(), rel=1e-4)


def test_q_target_of_patchq() -> None:
    """The same for each of 4 x 4 patches of 4 x 4 pixels."""
    agent, batch = agent_of(PatchQDDPG, Constant(4, 4, value=2.0), gamma=0.9), transition()
    gain = (
        (batch.state.canvas - batch.state.target) ** 2 - (batch.after.canvas - batch.state.target) ** 2
    ).mean(1)
    reward = gain.view(4, 4, 4, 4, 4).mean((2, 4))
    expected = (2.0 - (reward + 0.9**2 * 2.0)).square().mean()
    assert agent.update(batch)["losses/critic"] == pytest.approx(expected.item(), rel=1e-4)


def test_patchq_needs_patch_rewards() -> None:
    with pytest.raises(ValueError, match="patch_rewards"):
        PatchQDDPG(Constant(14), Constant(4, 4), make_renderer("analytic", "circle"), lambda b, a, t: b, 4, 2)


def test_relative_weighs_by_what_is_left() -> None:
    agent, batch = agent_of(ModelBasedDDPG, Constant(), gamma=0, relative=True), transition()
    after = agent.renderer.paint(batch.state.canvas, torch.full((4, 2, 7), 0.5))
    before = l2(batch.state.canvas, batch.state.target)
    expected = -((before - l2(after, batch.state.target)) / before).mean()
    assert agent.update(batch)["losses/actor"] == pytest.approx(expected.item(), rel=1e-4)


class Proposing(Constant):
    """Proposes black and grey on the whole canvas, and white on what is left of its upper left quarter."""

    def propose(self, canvas, target, step, count: int) -> list[Proposals]:
        discs = torch.tensor([0.5, 0.5, 1, 1]).expand(3, len(canvas), 2, 4).clone()
        discs[2, ..., :3] = torch.tensor([0.2, 0.2, 0.0])
        colours = torch.tensor([0, 0.5, 1]).view(3, 1, 1, 1).expand(3, len(canvas), 2, 3)
        action, corner = torch.cat([discs, colours], 3).flatten(2), torch.zeros(3, len(canvas)).long()
        return [
            Proposals(action[:2], corner[:2], corner[:2], (16, 16)),
            Proposals(action[2:], corner[2:], corner[2:], (8, 8)),
        ]


class Whole:
    """The analytic renderer, which can only paint whole canvases."""

    def __init__(self) -> None:
        renderer = make_renderer("analytic", "circle")
        self.paint, self.design, self.differentiable = renderer.paint, renderer.design, True


@pytest.mark.parametrize("renderer", [make_renderer("analytic", "circle"), Whole()])
def test_lookahead_takes_what_lowers_the_l2_most(renderer) -> None:
    agent, state = agent_of(ModelBasedDDPG, Constant()), transition().state
    agent.actor, agent.renderer = Proposing(14), renderer
    targets = torch.tensor([0.6, 0.0, 0.5, 0.2]).view(4, 1, 1, 1).expand(4, 3, 16, 16).clone()
    targets[3, :, 2:5, 2:5] = 1
    state = state._replace(
        target=targets, canvas=torch.where(torch.arange(4).view(4, 1, 1, 1) == 3, 0.2, 1.0)
    )
    state = state._replace(canvas=state.canvas.expand(4, 3, 16, 16))
    assert agent.act(state)[:, 6].tolist() == [0.5, 0, 0.5, 1]
    assert torch.equal(agent.explore(state), torch.full((4, 14), 0.5))
    agent.learning = replace(agent.learning, lookahead=0)
    assert torch.equal(agent.act(state), torch.full((4, 14), 0.5))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # PyTorch's own
@pytest.mark.parametrize("algo", ["model-based", "ddpg"])
@pytest.mark.parametrize("actor", ["resnet", "glimpse"])
def test_compiled_networks_learn_the_same(algo, actor, monkeypatch) -> None:
    """Traced by torch.compile, though not turned into machine code, which would take minutes."""
    calls = []

    def compiler(graph, inputs):
        calls.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=compiler))
    settings = Learning(bf16=False, max_grad_norm=math.inf)
    spec = AgentSpec(algo, actor, 8, 8, 1, patches=4, max_strokes=20, learning=settings)
    torch.manual_seed(0)
    canvas, target, after = torch.rand(3, 2, 3, 32, 32)
    step = torch.tensor([0, 1])
    batch = Transition(
        CanvasState(canvas, target, step), torch.rand(2, 65), CanvasState(after, target, step + 1)
    )
    results = []
    for compiled in (False, True):
        torch.manual_seed(1)
        agent = build_agent(replace(spec, learning=replace(settings, compile=compiled)), "cpu")
        assert not calls
        torch.manual_seed(2)
        losses = [agent.update(batch) for _ in range(2)]
        results.append((losses, agent.act(batch.state), agent.state_dict()["actor"]))
    (losses, action, weights), (losses_compiled, action_compiled, weights_compiled) = results
    assert calls and weights.keys() == weights_compiled.keys()
    assert losses == [pytest.approx(loss, rel=1e-4) for loss in losses_compiled]
    assert torch.allclose(action, action_compiled, atol=1e-4)


def test_the_actor_climbs_the_reward() -> None:
    agent, batch = agent_of(ModelBasedDDPG, Constant(), gamma=0, actor_lr=0.02), transition()
    rewards = [agent.update(batch)["charts/reward"] for _ in range(60)]
    assert rewards[-1] > rewards[0] + 0.01


@pytest.mark.parametrize("kind", [ModelBasedDDPG, DDPG])
def test_the_actor_does_not_train_the_critic(kind: type) -> None:
    agent = agent_of(kind, Constant(value=1.0), gamma=0.9, critic_lr=0.0)
    agent.update(transition())
    assert agent.critic.value.item() == 1.0 and agent.critic.value.requires_grad


def test_target_networks_follow_slowly_and_share_buffers() -> None:
    quick, slow = (torch.nn.BatchNorm1d(1) for _ in range(2))
    with torch.no_grad():
        quick.weight.fill_(3.0)
    quick.running_mean.fill_(7.0)
    follow(slow, quick, 0.25)
    assert slow.weight.item() == 1.5 and slow.running_mean.item() == 7.0


def test_ddpg_moves_both_targets() -> None:
    agent = agent_of(DDPG, Constant(value=1.0), gamma=0.9, tau=0.25, critic_lr=0.1)
    agent.update(transition())
    moved = agent.critic.value.item() - 1.0
    assert moved != 0 and agent.target_critic.value.item() == pytest.approx(1.0 + 0.25 * moved)


def test_model_free_agents_explore() -> None:
    agent, state = agent_of(DDPG, Constant(), noise=0.1), transition().state
    spread = torch.cat([agent.explore(state) for _ in range(50)]) - 0.5
    assert spread.std().item() == pytest.approx(0.1, rel=0.1)
    assert torch.equal(agent_of(ModelBasedDDPG, Constant()).explore(state), torch.full((4, 14), 0.5))


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    agent = agent_of(DDPG, Constant(value=float("nan")), gamma=0.9)
    with pytest.raises(Diverged, match="losses/critic is nan"):
        agent.update(transition())
    assert (agent.actor.value == 0.5).all()


@pytest.mark.parametrize("has", [True, False])
def test_bf16_by_default_only_where_the_processor_has_it(has: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is emulated it is ten times slower than float32."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    chosen = [
        build_agent(AgentSpec(actor_width=8, learning=Learning(bf16=bf16)), "cpu") for bf16 in (None, True)
    ]
    assert [agent.bf16 for agent in chosen] == [has, True]


def test_a_renderer_without_gradients_is_refused() -> None:
    with pytest.raises(ValueError, match="'raster' has no gradients"):
        build_agent(AgentSpec(renderer="raster"), "cpu")


def test_learning_rates_of_table_1() -> None:
    assert Learning().rates(0.49) == (3e-4, 1e-3) and Learning().rates(0.5) == (1e-4, 3e-4)
    cosine = Learning(schedule="cosine", actor_lr=1.0, actor_lr_late=0.0)
    assert [round(cosine.rates(part)[0], 3) for part in (0, 0.5, 1)] == [1.0, 0.5, 0.0]


def test_neural_names_analytic_where_it_cannot_paint(tiny: TrainConfig) -> None:
    with pytest.raises(ValueError, match=r'128 x 128.*renderer="analytic"'):
        Trainer(replace(tiny, agent=replace(tiny.agent, renderer="neural")), "cpu")


def left_after(
    pictures: np.ndarray,
    spec: AgentSpec,
    updates: int,
    device: torch.device,
    batch: int = 32,
    episodes: int = 256,
) -> float:
    """The part of a blank canvas's l2 that is left after learning, on the last pictures, by `raster`."""
    register_dataset("solid", lambda split, size, data_root: pictures[:-8], replace=True)
    config = TrainConfig(
        agent=spec, dataset="solid", size=pictures.shape[2], updates=updates, batch=batch, num_envs=16,
        episodes=episodes,
    )  # fmt: skip
    trainer = Trainer(config, device)
    run_to_the_end(trainer, lambda update, metrics: None)
    paintings = paint(trainer.agent, torch.from_numpy(pictures[-8:]), spec.max_strokes)
    return l2_by_raster(paintings, pictures[-8:]).mean() / np.square(pictures[-8:] / 255).mean()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("actor", "gamma", "renderer", "updates"),
    [("glimpse", 0.0, "analytic", 150), ("resnet", 0.95, "analytic", 250), ("glimpse", 0.0, "neural", 60)],
)
def test_model_based_learns_solid_colours(
    actor: str, gamma: float, renderer: str, updates: int, device: torch.device
) -> None:
    """To 5% of the l2 at the start, on colours it has not seen."""
    colours = np.random.default_rng(0).integers(80, 256, (64, 3, 1, 1), dtype=np.uint8)
    learning = Learning(actor_lr=1e-3, actor_lr_late=3e-4, gamma=gamma, bf16=False)
    spec = AgentSpec("model-based", actor, 16, 16, renderer=renderer, max_strokes=20, learning=learning)
    size = 128 if renderer == "neural" else 32
    pictures = np.tile(colours, (1, 1, size, size))
    assert left_after(pictures, spec, updates, device, 32 if size == 32 else 8) < 0.05


class Small(torch.nn.Module):
    """A network of three layers that sees canvas and target at 4 x 4, for quick tests.

    With ``critic=None`` it is an actor; else the critic's values have that shape.
    """

    def __init__(self, action_dim: int, critic: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.critic = critic
        inputs, outputs = (97, action_dim) if critic is None else (97 + action_dim, int(np.prod(critic)))
        self.net = torch.nn.Sequential(
            torch.nn.Linear(inputs, 256), torch.nn.ReLU(),
            torch.nn.Linear(256, 256), torch.nn.ReLU(),
            torch.nn.Linear(256, outputs),
        )  # fmt: skip

    def forward(self, canvas, target, step, steps, *action) -> torch.Tensor:
        small = [torch.nn.functional.adaptive_avg_pool2d(one, 4).flatten(1) for one in (canvas, target)]
        raw = self.net(torch.cat([*small, (step / steps).view(-1, 1), *action], 1))
        return raw.sigmoid() if self.critic is None else raw.view(len(raw), *self.critic)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "critic", "updates"), [(DDPG, (), 3000), (PatchQDDPG, (2, 2), 4000)], ids=["ddpg", "patchq"]
)
def test_model_free_learns_one_colour(
    kind: type, critic: tuple[int, ...], updates: int, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To 5% of the l2 at the start, with networks of one's own and a bundle of five opaque strokes."""
    torch.set_num_threads(1)  # for networks this small a second thread only waits
    one = np.tile(np.array([200, 120, 60], np.uint8).reshape(1, 3, 1, 1), (24, 1, 32, 32))
    rates = {"actor_lr": 3e-4, "actor_lr_late": 0.0, "critic_lr": 1e-3, "critic_lr_late": 1e-4}
    learning = Learning(**rates, schedule="cosine", gamma=0.0, tau=0.01, noise=0.2, bf16=False)
    renderer = make_renderer("analytic", "straight", (1.0, 1.0))
    torch.manual_seed(0)
    networks = [Small(55).to(device), Small(55, critic).to(device)]
    agent = kind(*networks, renderer, L2Reward(patches=2), 1, 5, learning)
    monkeypatch.setattr(training, "build_agent", lambda *_: agent)
    spec = AgentSpec(stroke="straight", opacity=(1.0, 1.0), max_strokes=5)
    assert left_after(one, spec, updates, device, batch=64, episodes=4096) < 0.05


@pytest.mark.parametrize("algo", ["model-based", "ddpg", "patchq"])
@pytest.mark.parametrize("reward", ["l2", "wgan"])
def test_same_seed_same_weights(algo: str, reward: str, tiny: TrainConfig) -> None:
    """And another seed, other weights."""

    def weights(seed: int) -> list[torch.Tensor]:
        spec = replace(tiny.agent, algo=algo, reward=reward)
        trainer = Trainer(replace(tiny, agent=spec, seed=seed), "cpu")
        for _ in range(3):
            assert {"charts/reward", "losses/actor"} <= trainer.update().keys()
        return list(trainer.agent.actor.state_dict().values())

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(torch.equal(one, two) for one, two in zip(first, other, strict=True))
