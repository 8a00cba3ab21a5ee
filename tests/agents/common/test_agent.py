"""The base of all algorithms: precision, compilation, warm starts, networks that do not train each other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from helpers import Constant, agent_of, transition
from torch import Tensor

from agents import (
    DDPG,
    Agent,
    AgentConfig,
    LearningConfig,
    ModelBasedDDPG,
    PaintingPolicy,
    PatchQDDPG,
    build_agent,
)  # fmt: skip
from paint_gym import L2Reward

CONFIG = AgentConfig(actor_width=8, critic_width=8, stroke="circle", bundle=2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # PyTorch's own
@pytest.mark.filterwarnings("ignore:<class 'torch.autograd.function.Function'> should not")  # and this one
def test_compiled_networks_learn_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced by torch.compile, but not turned into machine code, which would take minutes."""
    calls = []

    def compiler(graph, inputs):
        calls.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=compiler))
    config, batch, results = replace(CONFIG, depth=1), transition(), []
    for compiled in (False, True):
        settings = LearningConfig(bf16=False, max_grad_norm=1e9, compile=compiled)
        torch.manual_seed(1)
        agent = build_agent(replace(config, learning=settings), "cpu")
        assert not calls
        losses = [agent.update(batch) for _ in range(2)]
        results.append((losses, agent.act(batch.state), agent.state_dict()["actor"].keys()))
    (losses, action, names), (losses_compiled, action_compiled, names_compiled) = results
    assert calls and names == names_compiled
    assert losses == [pytest.approx(loss, rel=1e-4) for loss in losses_compiled]
    assert torch.allclose(action, action_compiled, atol=1e-4)


@pytest.mark.parametrize("kind", [ModelBasedDDPG, DDPG])
def test_the_actor_does_not_train_the_critic(kind: type[Agent]) -> None:
    agent = agent_of(kind, Constant(value=1.0), gamma=0.9, critic_lr=0.0)
    agent.update(transition())
    assert agent.critic.value.item() == 1.0 and agent.critic.value.requires_grad


class Watching(L2Reward):
    """A reward that remembers the canvases of its update."""

    def update(self, canvas: Tensor, target: Tensor) -> dict[str, float]:
        self.canvas = canvas
        return {"losses/discriminator": 0.5}


@pytest.mark.parametrize("kind", [ModelBasedDDPG, DDPG, PatchQDDPG])
def test_a_reward_learns_with_each_update(kind: type[Agent]) -> None:
    critic = Constant(4, 4) if kind is PatchQDDPG else Constant()
    agent, batch = agent_of(kind, critic), transition()
    agent.reward = Watching(patches=4)
    assert agent.update(batch)["losses/discriminator"] == 0.5
    fresh = kind is ModelBasedDDPG  # what the actor paints now; the others: what was rewarded
    assert torch.equal(agent.reward.canvas, batch.next_state.canvas) != fresh
    assert not agent.reward.canvas.requires_grad


@pytest.mark.parametrize("supported", [True, False])
def test_bf16_by_default_only_where_the_processor_has_it(supported: bool, monkeypatch) -> None:
    """Where it is emulated it is ten times slower than float32."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported)
    for bf16, expected in ((None, supported), (True, True)):
        agent = build_agent(replace(CONFIG, learning=LearningConfig(bf16=bf16)), "cpu")
        assert agent.bf16 is PaintingPolicy.of(agent).bf16 is expected


@pytest.mark.parametrize("algo", ["model-based", "ddpg"])
def test_a_warm_start_copies_all_but_the_last_layer(algo: str) -> None:
    """The last layer is that of another stroke design."""
    source = build_agent(CONFIG, "cpu").actor
    agent = build_agent(replace(CONFIG, algo=algo, stroke="bezier"), "cpu")
    assert agent.warm_start(source) == ["head.bias", "head.weight"]
    for actor in [agent.actor, *([agent.target_actor] if algo == "ddpg" else [])]:
        assert all(torch.equal(actor.net[i].weight, source.net[i].weight) for i in (1, 4))


def test_settings_that_are_none_are_refused() -> None:
    """Those of another algorithm, and classes that would not become flags."""
    assert build_agent(replace(CONFIG, algo="ddpg"), "cpu").config == DDPG.Config()
    with pytest.raises(TypeError, match=r"DDPG\.Config, not of ModelBasedDDPG\.Config"):
        build_agent(replace(CONFIG, algo="ddpg", learning=ModelBasedDDPG.Config()), "cpu")
    for base in (DDPG.Config, object):
        with pytest.raises(TypeError, match=r"Mine\.Config is no dataclass of settings; derive it from"):
            type("Mine", (DDPG,), {"Config": type("Config", (base,), {"epsilon": 0.1})})
