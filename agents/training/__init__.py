"""Training: the loop, its presets, and what a run writes."""
