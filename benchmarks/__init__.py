"""Speed benchmarks, and the study behind the published results: ``python -m benchmarks``."""
