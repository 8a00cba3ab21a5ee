"""Benchmarks, one for each claim: each prints tables and writes JSON; `results/` has the published ones."""

import agents  # noqa: F401  before torch: see agents.cli.threads
