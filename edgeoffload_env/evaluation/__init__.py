"""Evaluation of policies: :func:`evaluate`, its metrics, confidence intervals and scores."""

from edgeoffload_env.evaluation.evaluate import METRICS, Evaluation, evaluate
from edgeoffload_env.evaluation.search import search_fixed
from edgeoffload_env.evaluation.statistics import Interval

__all__ = ["METRICS", "Evaluation", "Interval", "evaluate", "search_fixed"]
