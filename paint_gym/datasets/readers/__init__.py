"""Readers of the publishers' own layouts, one file for each data set."""
