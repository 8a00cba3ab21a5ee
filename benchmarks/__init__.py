"""Benchmarks, one for each claim: each prints tables and writes JSON; `results/` has the published ones."""
