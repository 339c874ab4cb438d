"""The command line: ``python -m recipes {ls,train,sweep,evaluate,plot,play,export}``."""

import argparse
import dataclasses
import shlex
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from edgeoffload_env import policies, scenarios
from edgeoffload_env._validation import check_float, check_int
from edgeoffload_env.evaluation import Evaluation, evaluate
from edgeoffload_env.evaluation.report import Report
from recipes import cli_sweep, registry
from recipes.protocol import EVALUATION_EPISODES, EVALUATION_SEED
from recipes.runs import BrokenError, RunError, RunFolder, StoppedError, TrainingError
from recipes.settings import RunSettings, hyperparameters_and_env, parse_assignments
from recipes.stopping import StopSignals
from recipes.train import CHECKPOINT_S, check_device, policy_of, train

PROGRAM = "python -m recipes"
FAILED, REFUSED, STOPPED = 1, 2, 130


class UsageError(Exception):
    """Something the user can put right."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if it went well, 1 if it failed, 2 if it was refused, 130 if it was stopped."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser().parse_args(arguments)
        return int(options.command(options) or 0)
    except (UsageError, RunError) as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return REFUSED
    except TrainingError as error:
        if isinstance(error, BrokenError):  # by the game, or by us: its traceback is for who can mend it
            traceback.print_exception(error.__cause__)
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"{PROGRAM}: stopped", file=sys.stderr)
        return STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=PROGRAM, description="Train offloading policies, and measure what was trained.")
    commands = parser.add_subparsers(title="commands", parser_class=_Parser, required=True, metavar="COMMAND")

    command = commands.add_parser("ls", help="the algorithms, or one algorithm's hyper-parameters")
    command.set_defaults(command=_ls)
    command.add_argument("algorithm", nargs="?", metavar="ALGO", help="show its hyper-parameters")

    command = commands.add_parser("train", help="train an algorithm; the same command again resumes it")
    command.set_defaults(command=_train)
    command.add_argument("algorithm", metavar="ALGO", help=f"one of {', '.join(registry.ALGORITHMS)}")
    command.add_argument("--scenario", default="paper", metavar="NAME", help="the game (paper)")
    command.add_argument("--seed", type=int, default=0, help="of networks, games and exploration (0)")
    command.add_argument("--env-steps", type=int, metavar="N", help="slots to play (the algorithm's own, see ls)")
    command.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (runs/ALGO/SCENARIO/seed-SEED)")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="assignments",
        help="a hyper-parameter, or env.FIELD for a field of the game; repeatable",
    )
    command.add_argument(
        "--env-runners", type=int, default=0, metavar="K", help="processes that play for the learner (0: itself does)"
    )
    cli_sweep.add_session_arguments(command)

    command = commands.add_parser(
        "sweep", help="train many runs at once on Ray Tune; the same command again resumes, or trains what is new"
    )
    command.set_defaults(command=_sweep)
    cli_sweep.add_arguments(command)

    command = commands.add_parser("evaluate", help="play a run's greedy policy beside the shipped ones")
    command.set_defaults(command=_evaluate)
    command.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    command.add_argument(
        "--episodes", type=int, default=EVALUATION_EPISODES, help=f"of each policy ({EVALUATION_EPISODES})"
    )
    command.add_argument("--seed", type=int, default=EVALUATION_SEED, help=f"of the games ({EVALUATION_SEED})")
    command.add_argument("--scenario", metavar="NAME", help="another game than it was trained on")
    command.add_argument("--json", action="store_true", help="print everything as JSON in the table's place")

    command = commands.add_parser("export", help="write each user's actor as a file that plain torch runs")
    command.set_defaults(command=_export)
    command.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    command.add_argument("folder", type=Path, metavar="DIR", help="where to write; new or empty")

    command = commands.add_parser("plot", help="training curves of runs, or an episode of one; needs the extra plot")
    command.set_defaults(command=_plot)
    command.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="runs' folders; seeds are averaged")
    command.add_argument("--episode", action="store_true", help="an episode: delays, queues, who offloads where")
    command.add_argument("--seed", type=int, default=0, help="of the episode (0)")
    command.add_argument(
        "--out", type=Path, default=Path("plot.png"), metavar="FILE", help=".png, .svg, ... (plot.png)"
    )

    command = commands.add_parser("play", help="watch a run's policy, or record it; needs the extra render")
    command.set_defaults(command=_play)
    command.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    command.add_argument("--scenario", metavar="NAME", help="another game than it was trained on")
    command.add_argument("--seed", type=int, default=0, help="of the game (0)")
    command.add_argument("--beside", metavar="POLICY", help="a shipped policy to record on its left")
    command.add_argument("--record", type=Path, metavar="FILE", help="a .gif or .mp4 to write, without a window")
    command.add_argument("--slots", type=int, metavar="N", help="play so many at most (the whole episode)")
    command.add_argument("--fps", type=int, default=5, help="slots a second (5)")
    return parser


def _ls(options: argparse.Namespace) -> None:
    if options.algorithm is None:
        width = max(map(len, registry.ALGORITHMS))
        for recipe in registry.ALGORITHMS.values():
            print(f"{recipe.name:{width}}  {recipe.summary}; {recipe.env_steps:,} env steps")
        return
    for name, default, text in _recipe(options.algorithm).load().Hyperparameters.described():
        print(f"{name} = {default!r}\n    {text}")


def _train(options: argparse.Namespace) -> int:
    recipe = _recipe(options.algorithm)
    try:
        hyperparameters, env = hyperparameters_and_env(parse_assignments(options.assignments))
        settings = RunSettings(
            algorithm=options.algorithm,
            scenario=options.scenario,
            seed=options.seed,
            env_steps=recipe.env_steps if options.env_steps is None else options.env_steps,
            hyperparameters=recipe.load().Hyperparameters.of(hyperparameters),
            env=env,
        )
        checkpoint_s = check_float("--checkpoint-every", options.checkpoint_every, 0.0, 1e9)
        env_runners = check_int("--env-runners", options.env_runners, 0, 10**4)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    path = options.out or Path("runs", settings.algorithm, settings.scenario, f"seed-{settings.seed}")
    stop = StopSignals()
    try:
        with stop.caught():
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
        raise UsageError(f"{error}; training needs `pip install 'edgeoffload-env[rllib]'`") from error
    except (StoppedError, KeyboardInterrupt) as error:
        note = str(error) or "stopped; what was done since the last checkpoint is lost"
        print(f"\n{note}\nresume with: {_command_of(settings, options, path)}", file=sys.stderr)
        return STOPPED
    print(_table(result, settings.env, result.episodes, result.seed))
    print(f"\nThe run lies in {path}: summary.json, progress.csv, checkpoints, TensorBoard event files.")
    next_seed = dataclasses.replace(settings, seed=settings.seed + 1)
    print(f"Next: {PROGRAM} evaluate {shlex.quote(str(path))} --episodes 320")
    print(f"      {_command_of(next_seed, options)}")
    print(f"      {PROGRAM} ls {settings.algorithm}    (what --set can change)")
    return 0


def _sweep(options: argparse.Namespace) -> int:
    try:
        return cli_sweep.run(options)
    except ImportError as error:
        raise UsageError(f"{error}; sweeps need `pip install 'edgeoffload-env[rllib]'`") from error


def _evaluate(options: argparse.Namespace) -> None:
    folder = RunFolder.open(options.run)
    settings = folder.settings
    scenario = options.scenario or settings.scenario
    env = settings.env if scenario == settings.scenario else {}
    try:
        check_int("--episodes", options.episodes, 1, 10**9)
        check_int("--seed", options.seed, 0, 2**128)
        scenarios.get(scenario)
        result = evaluate(policy_of(folder), scenario, options.episodes, options.seed, **env)
    except (ImportError, ValueError) as error:
        raise UsageError(str(error)) from error
    if options.json:
        print(Report([(settings.algorithm, result)], overrides=env).to_json())
    else:
        print(_table(result, env, options.episodes, options.seed))


def _export(options: argparse.Namespace) -> None:
    folder = RunFolder.open(options.run)
    try:
        policy = policy_of(folder)
    except ImportError as error:
        raise UsageError(str(error)) from error
    from recipes.offpolicy.export import export_policy
    from recipes.offpolicy.policy import NetworkPolicy

    if not isinstance(policy, NetworkPolicy):
        raise UsageError(f"{folder.settings.algorithm} cannot be exported; RLlib's own checkpoint holds its networks")
    try:
        files = export_policy(policy, folder.settings.env_config, options.folder)
    except FileExistsError as error:
        raise UsageError(str(error)) from error
    print(f"{options.folder}: {', '.join(path.name for path in files)}; README.md says how to use them")


def _plot(options: argparse.Namespace) -> None:
    from edgeoffload_env.rendering import inspect
    from recipes import plots

    folders = [RunFolder.open(path) for path in options.runs]
    try:
        if not options.episode:
            plots.draw(folders, options.out)
        elif len(folders) > 1:
            raise ValueError(f"--episode with {len(folders)} runs is not allowed; allowed: one run")
        else:
            seed, settings = check_int("--seed", options.seed, 0, 2**128), folders[0].settings
            episode = inspect.episode_of(policy_of(folders[0]), settings.env_config, seed)
            title = f"{settings.algorithm} on {settings.scenario}, seed {settings.seed}, episode {seed}"
            inspect.draw(episode, title, options.out)
    except (TypeError, ValueError, ImportError, OSError, RuntimeError) as error:
        raise UsageError(str(error)) from error
    print(options.out)


def _play(options: argparse.Namespace) -> None:
    from edgeoffload_env.rendering.play import play

    folder = RunFolder.open(options.run)
    settings = folder.settings
    try:
        check_int("--seed", options.seed, 0, 2**128)
        fps = check_int("--fps", options.fps, 1, 1000)
        slots = None if options.slots is None else check_int("--slots", options.slots, 1, 10**9)
        config = settings.env_config if options.scenario is None else scenarios.configure(options.scenario)
        contestants = [] if options.beside is None else [policies.make(options.beside)]
        contestants.append(policy_of(folder))
        utilities = play(contestants, config, seed=options.seed, slots=slots, record=options.record, fps=fps)
    except (TypeError, ValueError, ImportError, OSError, RuntimeError) as error:
        raise UsageError(str(error)) from error
    names = [settings.algorithm] if options.beside is None else [options.beside, settings.algorithm]
    for name, utility in zip(names, utilities, strict=True):
        print(f"{name} on {options.scenario or settings.scenario}, seed {options.seed}: utility {utility:.3f}")


def _table(result: Evaluation, env: dict[str, Any], episodes: int, seed: int) -> str:
    """The trained policy's row, then those of the shipped policies on the same games, ``optimum`` left out: minutes."""
    assert result.scenario is not None
    shipped = [name for name in policies.names() if name != "optimum"]
    rows = [(name, evaluate(name, result.scenario, episodes, seed, **env)) for name in shipped]
    return Report([(result.policy, result), *rows], overrides=env).table()


def _recipe(name: str) -> registry.Algorithm:
    try:
        return registry.get(name)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _command_of(settings: RunSettings, options: argparse.Namespace, path: Path | None = None) -> str:
    """The command that trains a run, or takes it up again, with the options that ``train`` was given."""
    words = [] if path is None else ["--out", str(path)]
    words += ["--env-runners", str(options.env_runners)] if options.env_runners else []
    words += [] if options.address is None else ["--address", options.address]
    words += [] if options.checkpoint_every == CHECKPOINT_S else ["--checkpoint-every", str(options.checkpoint_every)]
    return " ".join([settings.command, *map(shlex.quote, words)])
