"""Training: the loop of updates, presets, and what a run writes into its folder."""
