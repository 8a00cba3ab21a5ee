"""Quality of strokes and paintings."""
