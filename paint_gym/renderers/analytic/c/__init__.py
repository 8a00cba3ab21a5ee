"""The analytic renderer in C, for CPUs."""
