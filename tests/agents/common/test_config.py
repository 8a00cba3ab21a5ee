"""Settings: learning rates, and numbers that are refused."""

from __future__ import annotations

import pytest

from agents import DDPG, AgentConfig, Imitation, LearningConfig, ModelBasedDDPG, TrainConfig


def test_learning_rates_of_table_1() -> None:
    config = LearningConfig()
    assert config.learning_rates(0.49) == (3e-4, 1e-3) and config.learning_rates(0.5) == (1e-4, 3e-4)
    cosine = LearningConfig(schedule="cosine", actor_lr=1.0, actor_lr_late=0.0)
    assert [round(cosine.learning_rates(part)[0], 3) for part in (0, 0.5, 1)] == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("settings", "wrong", "text"),
    [
        (TrainConfig, {"updates": -1}, "a whole number from"), (TrainConfig, {"num_envs": 0}, "a whole"),
        (TrainConfig, {"size": 2.5}, "a whole number from"), (TrainConfig, {"seed": True}, "a whole number"),
        (TrainConfig, {"eval_split": "tset"}, "did you mean 'test'"),
        (AgentConfig, {"opacity": (0.0, 2.0)}, "a number from 0"),
        (LearningConfig, {"actor_lr": float("nan")}, "a number"), (DDPG.Config, {"noise": -1}, "a number"),
        (LearningConfig, {"schedule": "half"}, "did you mean 'halves'"),
        (ModelBasedDDPG.Config, {"tau": 2.0}, "a number from"), (Imitation.Config, {"imitate": 0}, "a whole"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_named(settings: type, wrong: dict, text: str) -> None:
    with pytest.raises(ValueError, match=rf"^(unknown )?{next(iter(wrong))} .*{text}"):
        settings(**wrong)


def test_an_actor_that_would_never_learn_is_refused() -> None:
    agent = AgentConfig(algo="ddpg", learning=DDPG.Config(warm_up=40))
    with pytest.raises(ValueError, match=r"^warm_up must be below updates, 40, .* got 40$"):
        TrainConfig(agent, updates=40)
    assert TrainConfig(agent, updates=41).updates == 41
