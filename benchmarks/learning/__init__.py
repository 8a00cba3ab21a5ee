"""Trainings beside those of the paper's figures."""
