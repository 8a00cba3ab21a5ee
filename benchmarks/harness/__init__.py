"""Shared parts of the benchmarks: a job, tables, curves and pages."""
