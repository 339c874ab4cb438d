"""What training costs: sampling, an update against bare torch, and the whole loop.

``python -m benchmarks.training [--quick] [--agilerl PYTHON] [--json FILE]``

* ``sampling``: env steps a second through the env runner, 10 users, actors exploring, at several numbers of games.
* ``update``: a DTOMALB update (10 users, batch 512, hidden (64, 64)) with its draw from the replay, as a multiple of
  the same mathematics in bare torch (:mod:`benchmarks.bare_update`).
* ``loop``: env steps a second of the whole training at one update for every 16 env steps.
* ``agilerl``: the same of AgileRL's MADDPG (:mod:`benchmarks.agilerl_maddpg`), taking turns with ``loop``, both on one
  game and both on 16 side by side, where a Python that has it is named.

One thread. Times are CPU seconds of the process; contestants take turns; medians and quartiles over the rounds.
"""

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

from benchmarks import report
from benchmarks.bare_update import bare_update
from benchmarks.timing import Steps, Timing, rates, ratios, take_turns

FULL, QUICK = Timing(rounds=15, turn_s=0.5), Timing(rounds=3, turn_s=0.1)
GAMES = (16, 64, 256)
AGILERL_GAMES = (1, 16)
_ASKED = {"quick": "--quick", "agilerl": "--agilerl PYTHON"}
"""Options as the results tell of them: without a machine's own paths."""


def measure(timing: Timing) -> dict[str, Any]:
    """All of it."""
    from recipes.rllib.session import local_ray

    with local_ray():
        from recipes.joint.config import DTOMALBConfig
        from recipes.joint.env_runner import JointEnvRunner

        config = DTOMALBConfig().environment("edgeoffload/paper-v0").debugging(seed=0)
        algorithm = config.copy().build_algo()
        algorithm.train()
        size, sizes = config.train_batch_size_per_learner, algorithm.env_runner.games.sizes

        def update() -> None:
            algorithm.learner_group.update(batch=algorithm.replay.sample(size))

        bare = bare_update(sizes.num_users, sizes.obs_size, sizes.state_size, sizes.num_actions, 64, size)
        updates = take_turns({"rllib": _repeat(update), "bare": _repeat(bare)}, timing)
        runners = {
            games: JointEnvRunner(config=config.copy().env_runners(num_envs_per_env_runner=games), worker_index=0)
            for games in GAMES
        }
        sampling = {
            games: rates(games, take_turns({"runner": _repeat(runner.sample)}, timing))["runner"]
            for games, runner in runners.items()
        }
        steps = algorithm.config.min_sample_timesteps_per_iteration
        loop = rates(steps, take_turns({"loop": _repeat(algorithm.train)}, Timing(timing.rounds, 1.0)))
        algorithm.stop()
    return {
        "sampling_env_steps_per_s": {f"{games} games": rate for games, rate in sampling.items()},
        "updates_per_s": rates(1, updates),
        "update_times_bare_torch": ratios(updates["rllib"], updates["bare"]),
        "loop_env_steps_per_s": loop["loop"],
    }


def against_agilerl(python: str, num_games: int, timing: Timing) -> dict[str, Any]:
    """Env steps a second of whole trainings, AgileRL's and ours in turns, and how many times faster ours is."""
    from recipes.rllib.session import local_ray

    steps = 1_600
    with local_ray():
        from recipes.joint.config import DTOMALBConfig

        config = DTOMALBConfig().environment("edgeoffload/paper-v0").debugging(seed=0)
        config.env_runners(
            num_envs_per_env_runner=num_games, rollout_fragment_length=config.env_steps_per_update // num_games
        )
        algorithm = config.reporting(min_sample_timesteps_per_iteration=steps).build_algo()
        algorithm.train()
        command = [python, "-m", "benchmarks.agilerl_maddpg", str(num_games)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
            assert peer.stdin is not None
            assert peer.stdout is not None
            while peer.stdout.readline() != "ready\n":
                assert peer.poll() is None, f"{command} failed"
            ours, theirs = [], []
            for _ in range(timing.rounds):
                began = timing.clock()
                algorithm.train()
                ours.append((timing.clock() - began) / steps)
                peer.stdin.write(f"{steps}\n")
                peer.stdin.flush()
                theirs.append(float(peer.stdout.readline()) / steps)
            peer.stdin.close()
        algorithm.stop()
    return rates(1, {"ours": ours, "agilerl": theirs}) | {"ours_times_agilerl": ratios(theirs, ours)}


def _machine() -> dict[str, Any]:
    """The machine, with the version of Ray, which is measured here and nowhere else."""
    machine = report.machine()
    return machine | {"packages": machine["packages"] | {"ray": report.package_version("ray")}}


def _repeat(once: Any) -> Steps:
    def steps(count: int) -> None:
        for _ in range(count):
            once()

    return steps


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few short turns, to see that it works")
    parser.add_argument("--agilerl", metavar="PYTHON", help="an interpreter that has AgileRL, to compare with")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    asked = [name for name in ("quick", "agilerl") if getattr(options, name)]
    command = " ".join(["python -m benchmarks.training", *(_ASKED[name] for name in asked)])
    figures = {"machine": _machine(), "command": command}
    figures |= measure(QUICK if options.quick else FULL)
    if options.agilerl is not None:
        timing = Timing(rounds=3 if options.quick else 7, turn_s=0.0)
        figures["agilerl"] = {
            f"{games} {'game' if games == 1 else 'games'} each": against_agilerl(options.agilerl, games, timing)
            for games in AGILERL_GAMES
        }
    print(json.dumps(figures, indent=2))
    if options.json is not None:
        report.write_json(figures, options.json)


if __name__ == "__main__":
    main()
