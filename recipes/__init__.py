"""Recipes: one command from a scenario to a trained, evaluated set of offloading policies.

``python -m recipes ls`` lists the algorithms. Recipes run from a checkout and are meant to be read, copied and changed;
importing this package loads neither torch nor Ray.
"""
