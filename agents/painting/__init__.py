"""Painting with a policy: strokes of a photo, planning, refinement, palettes, and scores."""
