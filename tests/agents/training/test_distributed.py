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

from agents import PRESETS, AgentConfig, AlgorithmConfig, Trainer, build_agent
from agents.checkpoint import CHECKPOINT
from agents.common.optim import TrainingDivergedError, gradient_step
from agents.common.replay import Transition
from paint_gym.canvas import CanvasState
from paint_gym.utils.weights import load_state, save_state

CONFIG = AgentConfig(
    algo="ddpg", actor="glimpse", actor_width=8, critic_width=8, max_strokes=10,
    learning=AlgorithmConfig(bf16=False, max_grad_norm=1e9),
)  # fmt: skip


def transitions(first: int, end: int, update: int) -> Transition:
    generator = torch.Generator().manual_seed(update)
    canvas, after, target = torch.rand(3, 8, 3, 32, 32, generator=generator)[:, first:end]
    action = torch.rand(8, 65, generator=generator)[first:end]
    step = torch.zeros(end - first, dtype=torch.long)
    return Transition(CanvasState(canvas, target, step), action, CanvasState(after, target, step + 1))


def learn(first: int, end: int, algo: str) -> dict[str, torch.Tensor]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    agent = build_agent(replace(CONFIG, algo=algo), "cpu")
    agent.actor.train = lambda mode=True: agent.actor  # windows are not jittered: both see the same
    agent.actor.eval()
    for update in range(5):
        agent.update(transitions(first, end, update))
    return agent.actor.state_dict() | {f"critic.{k}": v for k, v in agent.critic.state_dict().items()}


def one_of_two(rank: int, folder: str, algo: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.save(learn(4 * rank, 4 * rank + 4, algo), f"{folder}/{rank}.pt")
    leave_group()


@pytest.mark.slow
@pytest.mark.parametrize("algo", ["model-based", "ddpg", "patchq"])
def test_two_ranks_equal_one_with_twice_the_batch(algo: str, tmp_path: Path) -> None:
    """The networks of this test have no batch norm, whose statistics are those of each process."""
    multiprocessing.spawn(one_of_two, (str(tmp_path), algo), nprocs=2)
    alone = learn(0, 8, algo)
    for rank in range(2):
        shared = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for name, value in alone.items():
            torch.testing.assert_close(shared[name], value, rtol=0, atol=1e-5)


def nan_in_the_second(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    number = torch.nn.Parameter(torch.tensor(1.0))
    loss = number * (float("nan") if rank else 1.0)
    with pytest.raises(TrainingDivergedError, match="losses/actor is nan"):
        gradient_step(torch.optim.Adam([number]), loss, "losses/actor")
    assert number.item() == 1
    leave_group()


@pytest.mark.slow
def test_nan_in_one_process_stops_all(tmp_path: Path) -> None:
    multiprocessing.spawn(nan_in_the_second, (str(tmp_path),), nprocs=2)


@pytest.mark.slow
@pytest.mark.parametrize("resume", [False, True])
def test_torchrun(resume: bool, tmp_path: Path) -> None:
    """Each process has its own pictures; the first writes. A run of one process goes on with two."""
    train = [*launch(), "--reward", "wgan", "--out", str(tmp_path)]
    if resume:
        preset = PRESETS["smoke"]
        begun = Trainer(replace(preset, agent=replace(preset.agent, reward="wgan")), "cpu")
        begun.fit(lambda trainer, metrics: trainer.updates == 10)
        begun.save(tmp_path)
        train.append("--resume")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(train, check=True, env=environment, capture_output=True, timeout=300)
    trainer = Trainer.resume(tmp_path, "cpu")
    assert trainer.updates == 40
    assert all(value.isfinite().all() for value in trainer.agent.actor.parameters())


def half_way(rank: int, folder: str, resume: bool) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet{resume}", rank=rank, world_size=2)
    torch.set_num_threads(1)
    out = Path(folder) / "run"
    if resume:
        trainer = Trainer.resume(out, "cpu").fit()
    else:
        preset = PRESETS["smoke"]
        config = replace(preset, agent=replace(preset.agent, algo="ddpg", actor="resnet", reward="wgan"))
        trainer = Trainer(config, "cpu").fit(lambda trainer, metrics: trainer.updates == 13)
        trainer.save(out)
        trainer.fit()
    own = {
        "canvas": trainer.state.canvas,
        "replay": trainer.replay.canvas,
        **trainer.agent.actor.state_dict(),
    }
    torch.save(own, f"{folder}/{resume}_{rank}.pt")
    leave_group()


@pytest.mark.slow
def test_two_processes_resume_bit_for_bit(tmp_path: Path) -> None:
    """Each goes on with its own canvases, replay and random states."""
    for resume in (False, True):
        multiprocessing.spawn(half_way, (str(tmp_path), resume), nprocs=2)
    for rank in range(2):
        straight, resumed = (
            torch.load(tmp_path / f"{r}_{rank}.pt", weights_only=True) for r in (False, True)
        )
        assert all(torch.equal(value, resumed[name]) for name, value in straight.items())
    assert not torch.equal(
        straight["canvas"], torch.load(tmp_path / "True_0.pt", weights_only=True)["canvas"]
    )


def launch(*options: str) -> list[str]:
    return [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d",
        "--rdzv-endpoint", "localhost:29518",
        *options, "-m", "agents", "train", "--preset", "smoke", "--device", "cpu",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the processes in /proc")
@pytest.mark.parametrize("lost", [0, 1])
def test_a_run_goes_on_when_a_process_was_killed(lost: int, tmp_path: Path) -> None:
    command = [
        *launch("--max-restarts", "2", "--monitor-interval", "0.2"), "--out", str(tmp_path), "--updates",
        "200", "--checkpoint-minutes", "0.01",
    ]  # fmt: skip
    log = tmp_path / "log"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    with log.open("w") as file:
        run = subprocess.Popen(command, stderr=file, stdout=file, env=environment)
    try:
        while not all((tmp_path / name).exists() for name in (CHECKPOINT, "checkpoint-1.safetensors")):
            assert run.poll() is None, log.read_text()
            time.sleep(0.1)
        os.kill(workers_of(run.pid)[lost], signal.SIGKILL)
        assert run.wait(120) == 0, log.read_text()
    finally:
        run.terminate()
        run.wait(60)
    went_on = re.findall(r"goes on after update (\d+) of 200", log.read_text())
    assert went_on and 0 < int(went_on[0]) < 200
    assert Trainer.resume(tmp_path, "cpu").updates == 200


@pytest.mark.slow
def test_a_run_that_is_there_is_refused_by_all_processes(tmp_path: Path) -> None:
    Trainer(PRESETS["smoke"], "cpu").save(tmp_path)
    refused = subprocess.run(
        [*launch(), "--out", str(tmp_path)], capture_output=True, text=True, timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert refused.returncode == 1 and refused.stderr.count("add --resume to go on") >= 1
    assert "all_reduce" not in refused.stderr
    restarts = [*launch("--max-restarts", "1"), "--out", str(tmp_path), "--updates", "50", "--seed", "5"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    again = subprocess.run(restarts, capture_output=True, text=True, timeout=120, env=environment)
    assert again.returncode == 1  # started anew, it does not go on with another's run
    assert Trainer.resume(tmp_path, "cpu").updates == 0


def workers_of(parent: int) -> list[int]:
    """Of torchrun, by their rank."""
    ranks = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ppid = int(process.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            if ppid == parent:
                found = re.search(rb"\0RANK=(\d+)\0", b"\0" + process.joinpath("environ").read_bytes())
                if found:
                    ranks[int(found[1])] = int(process.name)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return [pid for _, pid in sorted(ranks.items())]


def test_another_number_of_processes_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = Trainer(PRESETS["smoke"], "cpu")
    trainer.save(tmp_path)
    Trainer.resume(tmp_path, "cpu")
    assert not caplog.records
    state = load_state(tmp_path / CHECKPOINT)
    save_state(tmp_path / CHECKPOINT, state | {"processes": 4})
    Trainer.resume(tmp_path, "cpu")
    (told,) = caplog.messages
    batch = PRESETS["smoke"].batch
    assert "saved by 4 processes, and 1 go on: weights, optimisers and updates stay" in told
    assert f"of {batch} transitions, not of {4 * batch}" in told
    save_state(tmp_path / CHECKPOINT, state | {"processes": -1})
    with pytest.raises(ValueError, match="processes must be a whole number"):
        Trainer.resume(tmp_path, "cpu")
