"""The analytic renderer in Triton, for GPUs."""
