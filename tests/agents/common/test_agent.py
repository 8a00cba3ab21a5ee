"""What all agents share: precision, compilation, networks that do not train each other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from helpers import Constant, agent_of, transition

from agents import (
    DDPG,
    AgentConfig,
    AlgorithmConfig,
    ModelBasedDDPG,
    build_agent,
)
from agents.common.replay import Transition
from paint_gym.canvas import CanvasState


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # PyTorch's own
@pytest.mark.filterwarnings("ignore:<class 'torch.autograd.function.Function'> should not")  # and this one
@pytest.mark.parametrize("algo", ["model-based", "ddpg"])
@pytest.mark.parametrize("actor", ["resnet", "glimpse"])
def test_compiled_networks_learn_the_same(algo, actor, monkeypatch) -> None:
    """Traced by torch.compile, though not turned into machine code, which would take minutes."""
    calls = []

    def compiler(graph, inputs):
        calls.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=compiler))
    settings = AlgorithmConfig(bf16=False, max_grad_norm=1e9)
    spec = AgentConfig(algo, actor, 8, 8, 1, patches=4, max_strokes=20, learning=settings)
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


@pytest.mark.parametrize("kind", [ModelBasedDDPG, DDPG])
def test_the_actor_does_not_train_the_critic(kind: type) -> None:
    agent = agent_of(kind, Constant(value=1.0), gamma=0.9, critic_lr=0.0)
    agent.update(transition())
    assert agent.critic.value.item() == 1.0 and agent.critic.value.requires_grad


@pytest.mark.parametrize("has", [True, False])
def test_bf16_by_default_only_where_the_processor_has_it(has: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is emulated it is ten times slower than float32."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    chosen = [
        build_agent(AgentConfig(actor_width=8, learning=AlgorithmConfig(bf16=bf16)), "cpu")
        for bf16 in (None, True)
    ]
    assert [agent.bf16 for agent in chosen] == [has, True]
