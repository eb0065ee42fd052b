"""The benchmarks of `make bench`: each beside its peers in one run, as ratios of CPU time."""
