"""``python -m recipes train``."""

import argparse
import dataclasses
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from edgeoffload_env import Evaluation, evaluate
from edgeoffload_env._validation import check_float, check_int, fail
from edgeoffload_env.evaluation.report import changes
from recipes import registry
from recipes.checkpoints import CHECKPOINT_INTERVAL_S
from recipes.commands import arguments
from recipes.commands.exit_codes import DONE, STOPPED
from recipes.commands.tables import comparison_table
from recipes.errors import StoppedError, UsageError
from recipes.own_scenarios import folder_name, resolve
from recipes.runs import RunFolder
from recipes.settings import ALSO, RunSettings, hyperparameters_and_env, parse_assignments, quoted
from recipes.stop_signals import StopSignals
from recipes.train import check_device, train

HELP = "train an algorithm, or resume its run with the same command"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    command.add_argument("algorithm", metavar="ALGO", help=f"one of {', '.join(registry.ALGORITHMS)}")
    command.add_argument(
        "--scenario",
        nargs="+",
        default=["paper"],
        metavar="NAME",
        help="scenario to train on, a name or module:name of a configuration (default: paper); dtomalb-equivariant "
        "trains one network on several",
    )
    command.add_argument("--seed", type=int, default=0, help="seed of networks, episodes and exploration (default: 0)")
    command.add_argument(
        "--env-steps",
        type=int,
        metavar="N",
        help="env steps to train for, over all scenarios (default: the algorithm's, see ls)",
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the run (default: runs/ALGO/SCENARIO/seed-SEED)"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="assignments",
        help="set a hyper-parameter, or with env.FIELD a field of the scenario's configuration; repeatable",
    )
    command.add_argument(
        "--env-runners",
        type=int,
        default=0,
        metavar="K",
        help="env runner processes (default: 0, sample in the learner's process)",
    )
    arguments.add_session(command)


def algorithm_first(words: Sequence[str]) -> list[str]:
    """Return the command's words with ALGO in front if it follows the names of ``--scenario``.

    argparse would take it for one of the names.
    """
    if "--scenario" in words and words[0].startswith("-"):
        for place in range(words.index("--scenario") + 1, len(words)):
            if words[place].startswith("-"):
                break
            if words[place] in registry.ALGORITHMS:
                return [words[place], *words[:place], *words[place + 1 :]]
    return list(words)


def run(options: argparse.Namespace) -> int:
    """Train or resume a run, then print its evaluation."""
    try:
        settings = settings_of(options)
        checkpoint_s = check_float("--checkpoint-every", options.checkpoint_every, 0.0, 1e9)
        env_runners = check_int("--env-runners", options.env_runners, 0, 10**4)
        if env_runners and len(settings.scenarios) > 1:
            fail("--env-runners", env_runners, "0 where several scenarios are trained on")
    except (ImportError, TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    path = options.out or Path("runs", settings.algorithm, folder_of(options, settings), f"seed-{settings.seed}")
    if is_own(options):
        print(f"{options.scenario[0]} is {settings.scenario}{changes(settings.env)}", file=sys.stderr)
    stop = StopSignals()
    try:
        with stop.installed():
            check_device(settings)
            folder = RunFolder.begin(path, settings)
            try:
                result = train(
                    folder,
                    settings,
                    stop,
                    checkpoint_s=checkpoint_s,
                    address=options.address,
                    env_runners=env_runners,
                )
            finally:
                folder.release()
    except ImportError as error:
        raise UsageError(f"{error}; training needs `pip install -c constraints.txt -e '.[rllib]'`") from error
    except (StoppedError, KeyboardInterrupt) as error:
        note = str(error) or "stopped; training since the last checkpoint is lost"
        print(f"\n{note}\nresume with: {command_line(settings, options, path)}", file=sys.stderr)
        return STOPPED
    print(comparison_table(settings.label, result, settings.env, result.episodes, result.seed))
    if note := below_floor(settings, result):
        print(note)
    for name, also in (RunFolder.open(path).summary or {}).get("also", {}).items():
        print(f"\n{name}: utility {also['utility']['mean']:.2f}, score {also['score']['mean']:.3f}", end="")
        print(
            f" ({also['episodes']} episodes, seed {also['seed']}; evaluate {path} --scenario {name} prints its table)"
        )
    print(f"\nThe run is in {path}: summary.json, progress.csv, checkpoints, TensorBoard event files.")
    next_seed = dataclasses.replace(settings, seed=settings.seed + 1)
    is_default = options.out is None and not is_own(options)  # the command names the shipped scenario
    print(f"Next: python -m recipes evaluate {shlex.quote(str(path))} --episodes 320")
    print(f"      {command_line(next_seed, options, None if is_default else beside(path, settings.seed))}")
    print(f"      python -m recipes ls {settings.algorithm}    (hyper-parameters for --set)")
    return DONE


def is_own(options: argparse.Namespace) -> bool:
    """Tell whether ``--scenario`` names a configuration outside the package."""
    return ":" in options.scenario[0]


def folder_of(options: argparse.Namespace, settings: RunSettings) -> str:
    """Return the name of the folder of a scenario's runs."""
    return folder_name(options.scenario[0]) if is_own(options) else "+".join(settings.scenarios)


def below_floor(settings: RunSettings, result: Evaluation) -> str:
    """Return a line that says that a result is below the score's floor, empty if it is not."""
    floors = {
        name: evaluate(name, settings.scenario, result.episodes, result.seed, **settings.env).utility.mean()
        for name in ("random", "local")
    }
    best, utility = max(floors, key=lambda name: floors[name]), result.utility.mean()
    if utility >= floors[best]:
        return ""
    usual = registry.get(settings.algorithm).env_steps
    return (
        f"\nThe utility {utility:.2f} is below the floor of the score, {floors[best]:.2f} of `{best}`. "
        f"The usual budget of {settings.algorithm} is --env-steps {usual}; this run had {settings.env_steps}."
    )


def beside(path: Path, seed: int) -> Path:
    """Return the folder of the next seed's run, next to that of this one."""
    name = path.name.removesuffix(f"seed-{seed}")
    name = name if name != path.name else f"{name}-"
    return path.with_name(f"{name}seed-{seed + 1}")


def command_line(settings: RunSettings, options: argparse.Namespace, path: Path | None = None) -> str:
    """Return the command that trains or resumes a run with the session options of this one."""
    words = [] if path is None else ["--out", str(path)]
    words += ["--env-runners", str(options.env_runners)] if options.env_runners else []
    words += [] if options.address is None else ["--address", options.address]
    if options.checkpoint_every != CHECKPOINT_INTERVAL_S:
        words += ["--checkpoint-every", str(options.checkpoint_every)]
    return " ".join([settings.command, *map(quoted, words)])


def settings_of(options: argparse.Namespace) -> RunSettings:
    """Return the settings that the arguments ask for.

    Raises:
        TypeError, ValueError: the message names the field, the value and what is allowed.
    """
    recipe = registry.get(options.algorithm)
    hyperparameters, env = hyperparameters_and_env(parse_assignments(options.assignments))
    scenario, *others = options.scenario
    types = recipe.load("rllib").Hyperparameters
    if others:
        if own := [name for name in options.scenario if ":" in name]:
            raise ValueError(f"{own[0]} cannot be combined with other scenarios; only shipped ones can")
        if ALSO not in types.__dataclass_fields__:
            raise ValueError(f"{options.algorithm} trains on one scenario, got --scenario {' '.join(options.scenario)}")
        if ALSO in hyperparameters:
            raise ValueError("scenarios are given twice: by --scenario, and by --set also; give them once")
        hyperparameters[ALSO] = tuple(others)
    if ":" in scenario and hyperparameters.get(ALSO):
        raise ValueError(f"{scenario} cannot be combined with other scenarios; only shipped ones can")
    scenario, env = resolve(scenario, env)
    return RunSettings(
        algorithm=options.algorithm,
        scenario=scenario,
        seed=options.seed,
        env_steps=recipe.env_steps if options.env_steps is None else options.env_steps,
        hyperparameters=types.of(hyperparameters),
        env=env,
    )
