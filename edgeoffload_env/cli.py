"""The command line: ``python -m edgeoffload_env [list | evaluate | play | inspect | references]``."""

import argparse
import dataclasses
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edgeoffload_env import policies, scenarios
from edgeoffload_env._files import atomic_write
from edgeoffload_env._validation import check_int, check_known, fail
from edgeoffload_env._version import __version__
from edgeoffload_env.cli_completion import complete
from edgeoffload_env.cli_parser import Parser, check_folder, check_new, message_of
from edgeoffload_env.cli_policies import PolicySpec, parse_policies, parse_policy, parse_value
from edgeoffload_env.cli_scenarios import ScenarioSpec, parse_scenario, parse_scenarios
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation import Evaluation, evaluate
from edgeoffload_env.evaluation.report import LeftOut, Report, changes
from edgeoffload_env.policies import PolicyError

PROGRAM = "python -m edgeoffload_env"
COMMANDS = ("list", "evaluate", "play", "inspect", "references")


class UsageError(Exception):
    """An error that the user can fix; shown in one line."""


class _Once(argparse.Action):
    """Store a list of names; a second list would replace the first without a word."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        given = namespace.__dict__.setdefault("given_lists", set())
        if self.dest in given:
            parser.error(f"argument {option}: given twice; list all names after one {option}")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


class _Parser(Parser):
    refusal = UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0, or 2 after a usage error."""
    try:
        arguments = sys.argv[1:] if arguments is None else arguments
        _check_command(arguments)
        parser = _parser()
        complete(parser)
        options = parser.parse_args(arguments)
        options.command(options)
    except UsageError as error:
        print(f"{PROGRAM}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _check_command(arguments: Sequence[str]) -> None:
    """Refuse an unknown command with a suggestion, which argparse lacks."""
    if not arguments or arguments[0] in ("-h", "--help", "--version"):
        return
    if arguments[0].startswith("-") and any(not argument.startswith("-") for argument in arguments):
        raise UsageError(f"a command must come before {arguments[0]}: {', '.join(COMMANDS)}")
    if not arguments[0].startswith("-"):
        try:
            check_known("command", arguments[0], COMMANDS)
        except ValueError as error:
            raise UsageError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=PROGRAM, description="Task offloading in edge computing: scenarios, policies, evaluation.")
    parser.add_argument("--version", action="version", version=f"edgeoffload-env {__version__}")
    parser.set_defaults(command=_list)
    commands = parser.add_subparsers(title="commands", parser_class=_Parser)

    command = commands.add_parser("list", help="list scenarios and policies (the default command)")
    command.set_defaults(command=_list)

    command = commands.add_parser("evaluate", help="evaluate policies on scenarios")
    command.set_defaults(command=_evaluate)
    _add_scenarios(command, "paper")
    command.add_argument(
        "--policies",
        nargs="+",
        action=_Once,
        default=["all"],
        metavar="POLICY",
        help="name, name:parameter=value, module:factory, with commas or spaces between them; all: the shipped ones, "
        "optimum only where it is fast (default: all)",
    )
    command.add_argument("--with-optimum", action="store_true", help="include optimum in 'all' wherever it is exact")
    command.add_argument("--episodes", type=int, default=32, help="episodes per policy (default: 32)")
    command.add_argument(
        "--seed", type=int, default=0, help="seed of the games, the same for every policy (default: 0)"
    )
    _add_overrides(command)
    command.add_argument(
        "--json",
        metavar="FILE",
        help="also write all results as JSON, over an existing file; - writes to standard output instead of the table",
    )
    command.add_argument(
        "--csv",
        metavar="FILE",
        help="also write means and confidence intervals as CSV, over an existing file; - as for --json",
    )

    command = commands.add_parser(
        "play", help="show or record an episode of a policy; needs the extra render, but for .html"
    )
    command.set_defaults(command=_play)
    _add_episode_arguments(command)
    command.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="write a .gif or .mp4 file, or an .html page for a browser, instead of opening a window",
    )
    command.add_argument("--slots", type=int, metavar="N", help="maximum number of slots (default: the whole episode)")
    command.add_argument("--fps", type=int, default=5, help="slots per second (default: 5)")

    command = commands.add_parser(
        "inspect", help="plot an episode: delays, queues, choices; needs the extra plot, but for .html"
    )
    command.set_defaults(command=_inspect)
    _add_episode_arguments(command)
    command.add_argument(
        "--out",
        type=Path,
        default=Path("episode.png"),
        metavar="FILE",
        help="image to write, .png, .svg, ..., or an .html page for a browser (default: episode.png)",
    )

    command = commands.add_parser(
        "references", help="measure the floor and the reference of every score (takes minutes)"
    )
    command.set_defaults(command=_references)
    _add_scenarios(command, "all")
    command.add_argument("--out", metavar="FILE", help="file to write (default: standard output)")
    command.add_argument("--force", action="store_true", help="overwrite the file")
    return parser


def _add_scenarios(command: argparse.ArgumentParser, default: str) -> None:
    text = "name, or module:name of a configuration, with commas or spaces between them; all: the shipped ones"
    command.add_argument(
        "--scenario", nargs="+", action=_Once, default=[default], metavar="NAME", help=f"{text} (default: {default})"
    )


def _add_overrides(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="overrides",
        help="override a field of the configuration; repeatable",
    )


def _add_episode_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--scenario", default="paper", metavar="NAME", help="name, or module:name of a configuration (default: paper)"
    )
    _add_overrides(command)
    command.add_argument("--policy", default="greedy", metavar="NAME", help="as in evaluate (default: greedy)")
    command.add_argument("--beside", metavar="NAME", help="a second policy, to play the same game beside the first")
    command.add_argument("--seed", type=int, default=0, help="seed of the game (default: 0)")
    command.add_argument("--force", action="store_true", help="overwrite the file")


def _list(_: argparse.Namespace) -> None:
    print("Scenarios, with their numbers of users N and servers M")
    for group in scenarios.GROUPS:
        print(f"\n{group}")
        for scenario in filter(lambda scenario: scenario.group == group, map(scenarios.get, scenarios.names())):
            size = f"N = {scenario.config.num_users}, M = {scenario.config.servers}"
            print(f"  {scenario.name:24} {size:14} {scenario.description}")
    print("\nPolicies")
    for name in policies.names():
        defaults = ", ".join(f"{key}={value}" for key, value in policies.parameters(name).items())
        print(f"  {name:20} {policies.describe(name).replace('``', '')}" + (f" ({defaults})" if defaults else ""))
    print(f"\n{PROGRAM} evaluate --scenario paper --policies all    (see also --help)")


def _evaluate(options: argparse.Namespace) -> None:
    overrides = _overrides(options)
    results: list[tuple[str, Evaluation]] = []
    left_out: list[LeftOut] = []
    plan: list[tuple[ScenarioSpec, PolicySpec]] = []
    try:
        check_int("--episodes", options.episodes, 1, 10**9)
        check_int("--seed", options.seed, 0, 2**128)
        chosen = parse_policies(options.policies)
        for scenario in parse_scenarios(options.scenario):
            game = dataclasses.replace(scenario, config=scenario.config.replace(**overrides))
            for spec in chosen:
                reason = spec.skip_reason(game.config, options.episodes, options.with_optimum)
                if reason is None:
                    plan.append((game, spec))
                else:
                    left_out.append(LeftOut(spec.label, game.label, reason))
    except (TypeError, ValueError, ImportError) as error:
        raise UsageError(message_of(error)) from error
    if not plan:
        raise UsageError(
            "; ".join(f"{entry.policy} cannot play {entry.scenario}: {entry.plain_reason}" for entry in left_out)
        )
    try:
        for path in (options.json, options.csv):
            check_folder(path)
    except OSError as error:
        raise UsageError(message_of(error)) from error
    slots = sum(game.config.max_cycles * options.episodes for game, _ in plan)
    with tqdm(total=slots, unit="slot", unit_scale=True, disable=None, leave=False, file=sys.stderr) as bar:
        for game, spec in plan:
            bar.set_description(f"{game.label} {spec.label}")
            try:
                result = evaluate(spec.make(), game.config, options.episodes, options.seed, progress=bar.update)
            except PolicyError as error:
                raise UsageError(message_of(error)) from error
            results.append((spec.label, dataclasses.replace(result, scenario=game.label)))
    report = Report(results, left_out, overrides)
    if "-" not in (options.json, options.csv):
        print(report.table())
    elif options.json != "-":  # CSV alone does not hold them
        for entry in left_out:
            print(f"{entry.scenario}: {entry}", file=sys.stderr)
    for path, text in ((options.json, report.to_json), (options.csv, report.to_csv)):
        _write(path, text())


def _play(options: argparse.Namespace) -> None:
    from edgeoffload_env.rendering.play import play

    try:
        check_int("--seed", options.seed, 0, 2**128)
        fps = check_int("--fps", options.fps, 1, 1000)
        slots = None if options.slots is None else check_int("--slots", options.slots, 1, 10**9)
        labels, players = _players(options)
        config, place = _game(options)
        check_new(options.record, options.force)
        utilities = play(
            players,
            config,
            seed=options.seed,
            slots=slots,
            record=options.record,
            fps=fps,
            captions=labels,
            title=f"{' and '.join(labels)} on {place}",
        )
    except (TypeError, ValueError, ImportError, OSError, RuntimeError) as error:
        raise UsageError(message_of(error)) from error
    for label, utility in zip(labels, utilities, strict=True):
        print(f"{label} on {place}: utility {utility:.3f}")
    if options.record is not None:
        print(options.record)


def _inspect(options: argparse.Namespace) -> None:
    from edgeoffload_env.rendering import inspect, page

    try:
        seed = check_int("--seed", options.seed, 0, 2**128)
        labels, players = _players(options)
        config, place = _game(options)
        title = f"{' and '.join(labels)} on {place}"
        check_new(options.out, options.force)
        if options.out.suffix == page.EXTENSION:
            page.write_page(options.out, players, config, seed=seed, captions=labels, title=title)
        elif len(players) > 1:
            fail("--out", str(options.out), f"an {page.EXTENSION} file where --beside is given")
        else:
            inspect.draw(inspect.episode_of(players[0], config, seed), title, options.out)
    except (TypeError, ValueError, ImportError, OSError, RuntimeError) as error:
        raise UsageError(message_of(error)) from error
    print(options.out)


def _players(options: argparse.Namespace) -> tuple[list[str], list[Any]]:
    """Return the names and the policies of ``--policy`` and ``--beside``."""
    typed = [name for name in (options.policy, options.beside) if name is not None]
    specs = [parse_policy(name) for name in typed]
    labels = [spec.label for spec in specs]
    return labels if len(set(labels)) == len(labels) else typed, [spec.make() for spec in specs]


def _game(options: argparse.Namespace) -> tuple[EdgeOffloadConfig, str]:
    """Return the configuration of an episode, and its scenario, overrides and seed in words."""
    scenario, overrides = parse_scenario(options.scenario), _overrides(options)
    return scenario.config.replace(**overrides), f"{scenario.label}{changes(overrides)}, seed {options.seed}"


def _references(options: argparse.Namespace) -> None:
    import json

    from edgeoffload_env.evaluation import references

    try:
        games = {spec.label: spec.config for spec in parse_scenarios(options.scenario)}
        check_new(options.out, options.force)
    except (TypeError, ValueError, ImportError, OSError) as error:
        raise UsageError(message_of(error)) from error
    given = [] if list(games) == scenarios.names() else ["--scenario", ",".join(games)]
    given += [] if options.out is None else ["--out", options.out, "--force"]
    command = shlex.join([*PROGRAM.split(), "references", *given])
    content: dict[str, Any] = {}
    with tqdm(unit="slot", unit_scale=True, disable=None, leave=False, file=sys.stderr) as bar:
        for name, content in references.build(games, command, bar.update):
            entry = content["scenarios"][name]
            baselines = "  ".join(
                f"{kind} {entry[kind]['utility']:.3f} ({entry[kind]['policy']})" for kind in ("floor", "reference")
            )
            bar.write(f"{name:22} {baselines}", file=sys.stderr)
    _write(options.out or "-", json.dumps(content, indent=1) + "\n")


def _overrides(options: argparse.Namespace) -> dict[str, Any]:
    return dict(map(_override, options.overrides))


def _override(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set must be FIELD=VALUE, as in num_users=20, got {text!r}")
    return name.strip(), parse_value(value)


def _write(path: str | None, text: str) -> None:
    if path == "-":
        print(text)
    elif path is not None:
        try:
            with atomic_write(Path(path)) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from error
