"""One script per claim: each prints a table and writes JSON; `results/` holds what was measured."""
