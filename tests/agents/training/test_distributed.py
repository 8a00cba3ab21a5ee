"""Two processes learn like one with twice the batch, and a run under torchrun comes to its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from helpers import leave_group

from agents import PRESETS, AgentConfig, LearningConfig, Trainer, build_agent
from agents.checkpoint import CHECKPOINT
from agents.common.optim import TrainingDivergedError, gradient_step
from agents.common.replay import Transition
from paint_gym.canvas import CanvasState
from paint_gym.utils.weights import load_checkpoint, save_checkpoint

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
CONFIG = AgentConfig(
    algo="ddpg", actor="glimpse", actor_width=8, critic_width=8, max_strokes=10,
    learning=LearningConfig(bf16=False, max_grad_norm=1e9),
)  # fmt: skip


def transitions(first: int, end: int, update: int) -> Transition:
    generator = torch.Generator().manual_seed(update)
    canvas, after, target = torch.rand(3, 8, 3, 32, 32, generator=generator)[:, first:end]
    action = torch.rand(8, 65, generator=generator)[first:end]
    step = torch.zeros(end - first, dtype=torch.long)
    return Transition(CanvasState(canvas, target, step), action, CanvasState(after, target, step + 1))


def learn(first: int, end: int) -> dict[str, torch.Tensor]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    agent = build_agent(CONFIG, "cpu")
    agent.actor.train = lambda mode=True: agent.actor  # windows are not jittered: both see the same
    agent.actor.eval()
    for update in range(5):
        agent.update(transitions(first, end, update))
    return agent.actor.state_dict() | {f"critic.{k}": v for k, v in agent.critic.state_dict().items()}


def meet(rank: int, folder: str) -> None:
    """Begin a process of two."""
    Path(folder).mkdir(exist_ok=True)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.set_num_threads(1)


def learn_half(rank: int, folder: str) -> None:
    meet(rank, folder)
    torch.save(learn(4 * rank, 4 * rank + 4), f"{folder}/{rank}.pt")
    number = torch.nn.Parameter(torch.tensor(1.0))
    loss = number * (float("nan") if rank else 1.0)
    with pytest.raises(TrainingDivergedError, match="losses/actor is nan"):
        gradient_step(torch.optim.Adam([number]), loss, "losses/actor")
    assert number.item() == 1
    leave_group()


@pytest.mark.slow
def test_two_ranks_equal_one_with_twice_the_batch_and_stop_together(tmp_path: Path) -> None:
    """The networks of this test have no batch norm, whose statistics are those of each process.

    A loss that is NaN in one process stops both.
    """
    multiprocessing.spawn(learn_half, (str(tmp_path),), nprocs=2)
    alone = learn(0, 8)
    for rank in range(2):
        shared = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for name, value in alone.items():
            torch.testing.assert_close(shared[name], value, rtol=0, atol=1e-5)


def half_way(rank: int, folder: str, resume: bool) -> None:
    meet(rank, f"{folder}/{resume}")
    out = Path(folder) / "run"
    if resume:
        trainer = Trainer.resume(out, "cpu").fit()
    else:
        agent = AgentConfig("ddpg", "resnet", 8, 8, reward="wgan", discriminator_width=4, max_strokes=20)
        trainer = Trainer(replace(PRESETS["smoke"], agent=agent), "cpu")
        trainer.fit(lambda trainer, metrics: trainer.updates == 13).save(out)
        trainer.fit()
    state = {"canvas": trainer.state.canvas, "replay": trainer.replay.canvas}
    torch.save(state | trainer.agent.actor.state_dict(), f"{folder}/{resume}_{rank}.pt")
    leave_group()


@pytest.mark.slow
def test_two_processes_resume_bit_for_bit(tmp_path: Path) -> None:
    """Each goes on with its own canvases, replay, batch norm and random states."""
    states = {}
    for resume in (False, True):
        multiprocessing.spawn(half_way, (str(tmp_path), resume), nprocs=2)
        for rank in range(2):
            states[resume, rank] = torch.load(tmp_path / f"{resume}_{rank}.pt", weights_only=True)
    for rank in range(2):
        assert all(
            torch.equal(value, states[True, rank][name]) for name, value in states[False, rank].items()
        )
    assert not torch.equal(states[True, 0]["canvas"], states[True, 1]["canvas"])


def launch(*options: str) -> list[str]:
    return [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d",
        "--rdzv-endpoint", "localhost:29518",
        *options, "-m", "agents", "train", "--preset", "smoke", "--device", "cpu",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the processes in /proc")
def test_a_run_goes_on_when_a_process_was_killed(tmp_path: Path) -> None:
    command = launch("--max-restarts", "2", "--monitor-interval", "0.2")
    command += ["--out", str(tmp_path), "--updates", "200", "--checkpoint-minutes", "0.01"]
    log = tmp_path / "log"
    with log.open("w") as file:
        run = subprocess.Popen(command, stderr=file, stdout=file, env=ENVIRONMENT)
    try:
        while not all((tmp_path / name).exists() for name in (CHECKPOINT, "checkpoint-1.pt")):
            assert run.poll() is None, log.read_text()
            time.sleep(0.1)
        workers = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        os.kill(int(workers[-1]), signal.SIGKILL)
        assert run.wait(120) == 0, log.read_text()
    finally:
        run.terminate()
        run.wait(60)
    assert re.search(r"goes on after update [1-9]\d* of 200", log.read_text())
    assert Trainer.resume(tmp_path, "cpu").updates == 200


@pytest.mark.slow
def test_a_run_that_is_there_is_refused_by_all_processes(tmp_path: Path) -> None:
    """Started anew by torchrun, they do not go on with another's run either."""
    Trainer(PRESETS["smoke"], "cpu").save(tmp_path)
    command = [*launch("--max-restarts", "1"), "--out", str(tmp_path), "--updates", "50", "--seed", "5"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
    assert refused.returncode == 1 and "add --resume to go on" in refused.stderr
    assert "all_reduce" not in refused.stderr
    assert Trainer.resume(tmp_path, "cpu").updates == 0


def test_another_number_of_processes_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = Trainer(PRESETS["smoke"], "cpu")
    trainer.save(tmp_path)
    Trainer.resume(tmp_path, "cpu")
    assert not caplog.records
    state = load_checkpoint(tmp_path / CHECKPOINT)
    save_checkpoint(tmp_path / CHECKPOINT, state | {"processes": 4})
    Trainer.resume(tmp_path, "cpu")
    (message,) = caplog.messages
    batch = PRESETS["smoke"].batch
    assert "saved by 4 processes, and 1 go on: weights, optimisers and updates stay" in message
    assert f"of {batch} transitions, not of {4 * batch}" in message
