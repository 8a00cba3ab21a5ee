"""Figures and claims of the paper, a module each."""
