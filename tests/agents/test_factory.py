"""Parts of your own go in by name or as objects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import DIAMOND, Constant
from PIL import Image

import agents
from agents import DDPG, TrainConfig, Trainer, build_agent
from paint_gym import L2Reward, make_renderer

MODULE = """
import numpy as np
import torch
from agents import ACTORS, ALGORITHMS, Actor, Algorithm, ModelBasedDDPG
from paint_gym import REWARDS, StrokeDesign, register_dataset, register_stroke

class Mean(Actor):
    def __init__(self, config, design):
        super().__init__()
        self.layer = torch.nn.Linear(6, config.bundle * design.dim)

    def forward(self, canvas, target, step, steps):
        return self.layer(torch.cat([canvas, target], 1).mean((2, 3))).sigmoid()

class Mine(ModelBasedDDPG):
    pass

def dots(parameters, segments):
    x, y, size = parameters.unbind(-1)
    return torch.stack([x, y, size / 4 + 0.01, torch.ones_like(x)], -1).unsqueeze(-2)

ACTORS.register("mean", Mean)
ALGORITHMS.register("mine", Algorithm(Mine))
REWARDS.register("twice", lambda config: lambda before, after, target: 2 * (
    (before - target).square().mean((1, 2, 3)) - (after - target).square().mean((1, 2, 3))))
register_stroke(StrokeDesign("dots", ("x", "y", "size"), "sweep", dots, kinds=("x", "y", "width")))
register_dataset("greys", lambda split, size, root: np.full((4, 3, size, size), 90, np.uint8))
"""
OWN = ["--algo", "mine", "--actor", "mean", "--reward", "twice", "--stroke", "dots", "--dataset", "greys"]


def test_unknown_names_suggest_the_nearest() -> None:
    for change, known in (
        ({"algo": "modelbased"}, "model-based"), ({"actor": "resnt"}, "resnet"), ({"reward": "wgam"}, "wgan"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"did you mean '{known}'"):
            build_agent(agents.AgentConfig(**change), "cpu")


def test_an_actor_must_be_one_and_fill_its_budget() -> None:
    with pytest.raises(ValueError, match="try max_strokes=20"):
        build_agent(agents.AgentConfig(max_strokes=22), "cpu")
    with pytest.raises(TypeError, match=r"the actor is a Linear; derive it from agents.Actor"):
        DDPG(torch.nn.Linear(2, 2), Constant(), make_renderer("analytic"), L2Reward(), 4, 5)


def test_a_trainer_takes_an_agent_of_your_own_and_resumes(tiny: TrainConfig, tmp_path: Path) -> None:
    """With a design that is registered nowhere; the checkpoint has the settings of the agent."""

    def agent() -> DDPG:
        torch.manual_seed(0)
        return DDPG(Constant(16), Constant(), make_renderer("analytic", DIAMOND, (1, 1)), L2Reward(), 3, 2)

    straight = Trainer(tiny, "cpu", agent()).fit()
    Trainer(tiny, "cpu", agent()).fit(lambda trainer, metrics: trainer.updates == 5).save(tmp_path)
    resumed = Trainer.resume(tmp_path, "cpu", agent()).fit()
    config = resumed.config.agent
    assert (config.algo, config.learning, config.stroke) == ("ddpg", DDPG.Config(), "diamond")
    assert (config.opacity, config.bundle, config.max_strokes) == ((1, 1), 2, 6)
    assert torch.equal(straight.agent.actor.value, resumed.agent.actor.value)
    assert straight.task.stroke_dim == 8 and straight.policy.lookahead == 0  # DDPG uses no model
    _, paintings = straight.evaluate()
    assert paintings[0].design is DIAMOND and len(paintings[0]) == 6


@pytest.mark.slow
def test_parts_of_your_own_on_the_command_line(tmp_path: Path) -> None:
    """Trained, painted with and rendered, each by a process that imports the module."""
    (tmp_path / "my_parts.py").write_text(MODULE)
    Image.fromarray(np.full((40, 60, 3), 200, np.uint8)).save(tmp_path / "photo.png")

    def run(*arguments: str) -> str:
        code = "import sys; from agents.cli.main import main; sys.path.remove(''); main(sys.argv[1:])"
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        return done.stderr if done.returncode else "done"

    use, smoke = ["--import", "my_parts"], ["--preset", "smoke", "--updates", "4", "--out", "run"]
    assert run("train", *use, *smoke, *OWN) == "done"
    short = ["--strokes", "10", "--canvas", "32"]
    assert run("paint", "photo.png", "-o", "p.json", *use, "--agent", "run", *short) == "done"
    assert "unknown stroke 'dots'" in run("render", "p.json", "-o", "p.png")
    assert run("render", "p.json", "-o", "p.png", *use) == "done"
