"""What the benchmarks share: tables and timing, jobs that resume, the baseline of the paper."""
