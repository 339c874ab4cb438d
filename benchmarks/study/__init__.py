"""The study: which runs are trained, and how their results are measured and stored."""
