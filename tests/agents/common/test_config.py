"""Configuration: learning rates, and what is refused."""

from __future__ import annotations

from agents import (
    AlgorithmConfig,
)


def test_learning_rates_of_table_1() -> None:
    assert AlgorithmConfig().learning_rates(0.49) == (3e-4, 1e-3) and AlgorithmConfig().learning_rates(
        0.5
    ) == (1e-4, 3e-4)
    cosine = AlgorithmConfig(schedule="cosine", actor_lr=1.0, actor_lr_late=0.0)
    assert [round(cosine.learning_rates(part)[0], 3) for part in (0, 0.5, 1)] == [1.0, 0.5, 0.0]
