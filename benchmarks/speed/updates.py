"""Time of an update in other forms: of the critic, in bfloat16, and compiled.

For DTOMALB, its exact variant and the equivariant network with their defaults on ``paper``: an update as it is, with a
critic that reads the own action as an input (``critic=separate``), with matrix products in bfloat16
(``torch.autocast``), and with both losses through ``torch.compile``. Compiling counts in the first update alone, whose
wall seconds stand apart.

One thread. Times are CPU seconds of the process; forms take turns; medians and quartiles over the rounds.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

from benchmarks.speed import report
from benchmarks.speed.timing import Timing, ratios, repeat, spread, take_turns
from recipes import registry
from recipes.settings import RunSettings

AS_IT_IS = "as it is"
FORMS: dict[str, tuple[str, ...]] = {
    "dtomalb": (AS_IT_IS, "critic=separate", "bfloat16", "compiled"),
    "dtomalb-exact": (AS_IT_IS, "critic=separate", "bfloat16", "compiled"),
    "dtomalb-equivariant": (AS_IT_IS, "bfloat16", "compiled"),
}
FULL, QUICK = Timing(rounds=15, turn_s=0.5), Timing(rounds=3, turn_s=0.05)


def update_in(form: str, algorithm: Any) -> Callable[[], None]:
    """Return an update of a built algorithm, which has transitions to learn from, in a form."""
    import torch

    learner = algorithm.learner_group._learner.learner
    batch = algorithm.replay.sample(algorithm.config.train_batch_size_per_learner)
    if form == "compiled":
        learner.critic_loss, learner.actor_loss = map(torch.compile, (learner.critic_loss, learner.actor_loss))

    def update() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=form == "bfloat16"):
            learner.learn(batch, 0)

    return update


def measure(timing: Timing) -> dict[str, Any]:
    """Return seconds of an update and times of that of :data:`AS_IT_IS`, by algorithm and form."""
    from recipes.rllib.session import local_ray

    found: dict[str, Any] = {}
    with local_ray(), warnings.catch_warnings():
        from recipes.rllib.build import build_algorithm

        # RLlib registers the games of all its algorithms under one name
        warnings.filterwarnings("ignore", message=".*Overriding environment", category=UserWarning)
        # torch.compile warns of its own code
        warnings.filterwarnings("ignore", message="To copy construct from a tensor", category=UserWarning)
        for name, forms in FORMS.items():
            built = {form: build_algorithm(_settings(name, form), 0) for form in forms}
            for algorithm in built.values():
                while len(algorithm.replay) < algorithm.config.train_batch_size_per_learner:
                    algorithm.train()
            updates = {form: repeat(update_in(form, algorithm)) for form, algorithm in built.items()}
            first_s = {form: _first_s(update) for form, update in updates.items()}
            seconds = take_turns(updates, timing)
            for algorithm in built.values():
                algorithm.stop()
            found[name] = {
                form: {
                    "first_update_s": first_s[form],
                    "update_s": spread(values),
                    "times_as_it_is": ratios(values, seconds[AS_IT_IS]),
                }
                for form, values in seconds.items()
            }
    return found


def _first_s(update: Callable[[int], object]) -> float:
    """Return wall seconds of the first update, in which code is compiled."""
    start = time.perf_counter()
    update(1)
    return time.perf_counter() - start


def _settings(name: str, form: str) -> RunSettings:
    algorithm = registry.get(name)
    hyper = algorithm.load().Hyperparameters.of({"critic": "separate"} if form == "critic=separate" else {})
    return RunSettings(algorithm=name, scenario="paper", seed=0, env_steps=algorithm.env_steps, hyperparameters=hyper)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    report.add_options(parser)


def run(options: argparse.Namespace) -> None:
    """Measure, print and store."""
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # of code compiled before; read at the first compilation
    command = "python -m benchmarks updates" + " --quick" * options.quick
    result = {"machine": report.machine("ray"), "command": command}
    result |= measure(QUICK if options.quick else FULL)
    report.show(result, options)
