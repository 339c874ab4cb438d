"""Speed of training: sampling, an update against bare torch, and the whole loop.

* ``sampling``: env steps a second through the env runner, 10 users, actors exploring, at several numbers of games.
* ``update``: a DTOMALB update (10 users, batch 512, hidden (64, 64)) with its draw from the replay buffer, as a
  multiple of the same mathematics in bare torch (:mod:`benchmarks.speed.bare_update`).
* ``loop``: env steps a second of the whole training at one update for every 16 env steps.
* ``algorithms``: env steps a second of the whole training of every algorithm, with its defaults on ``paper``, and as a
  multiple of that of RLlib's own PPO.
* ``agilerl``: the same of AgileRL's MADDPG (:mod:`benchmarks.speed.agilerl_maddpg`), taking turns with ``loop``, both
  on one game and both on 16 side by side; needs a Python interpreter that has AgileRL.

One thread. Times are CPU seconds of the process; contestants take turns; medians and quartiles over the rounds.
"""

import argparse
import subprocess
import warnings
from typing import Any

from benchmarks.speed import report
from benchmarks.speed.agilerl_maddpg import STEPS_PER_UPDATE
from benchmarks.speed.timing import Timing, rates, ratios, repeat, take_turns
from recipes import registry
from recipes.settings import RunSettings

FULL, QUICK = Timing(rounds=15, turn_s=0.5), Timing(rounds=3, turn_s=0.1)
GAMES = (16, 64, 256)
AGILERL_GAMES = (1, 16)
AGILERL_STEPS = 1_600
HYPERPARAMETERS: dict[str, Any] = {"gamma": 0.9, "lr": 1e-3, "final_lr": 1e-3, "target_actions": "greedy"}
HYPERPARAMETERS |= {"temperature": 1.0, "final_temperature": 1.0, "critic": "separate"}
HYPERPARAMETERS |= {
    "train_batch_size_per_learner": 512,
    "replay_capacity": 100_000,
    "reward_scale": 1.0,
    "huber": False,
}
"""Hyper-parameters of DTOMALB that :mod:`benchmarks.speed.bare_update` is written for."""


def _config() -> Any:
    from recipes import DTOMALBConfig

    return DTOMALBConfig().environment("edgeoffload/paper-v0").debugging(seed=0).training(**HYPERPARAMETERS)


def measure(timing: Timing) -> dict[str, Any]:
    """Measure sampling, update and loop."""
    from benchmarks.speed.bare_update import bare_update
    from recipes.rllib.session import local_ray

    with local_ray():
        from recipes.joint.env_runner import BatchedEnvRunner

        config = _config()
        algorithm = config.copy().build_algo()
        algorithm.train()
        size, sizes = config.train_batch_size_per_learner, algorithm.env_runner.games.sizes

        def update() -> None:
            algorithm.learner_group.update(batch=algorithm.replay.sample(size))

        bare = bare_update(sizes.num_users, sizes.obs_size, sizes.state_size, sizes.num_actions, 64, size)
        updates = take_turns({"rllib": repeat(update), "bare": repeat(bare)}, timing)
        sampling: dict[str, Any] = {}
        for games in GAMES:
            runner_config = config.copy().env_runners(num_envs_per_env_runner=games)
            runner = BatchedEnvRunner(config=runner_config, worker_index=0)
            sampling |= rates(games, take_turns({f"{games} games": repeat(runner.sample)}, timing))
        steps = algorithm.config.min_sample_timesteps_per_iteration
        loop = rates(steps, take_turns({"loop": repeat(algorithm.train)}, Timing(timing.rounds, 1.0)))
        algorithm.stop()
    return {
        "sampling_env_steps_per_s": sampling,
        "updates_per_s": rates(1, updates),
        "update_times_bare_torch": ratios(updates["rllib"], updates["bare"]),
        "loop_env_steps_per_s": loop["loop"],
    }


def compare_algorithms(timing: Timing) -> dict[str, Any]:
    """Measure env steps a second of every algorithm's training, evaluations apart, in turns."""
    from recipes.rllib.session import local_ray

    with local_ray(), warnings.catch_warnings():
        from recipes.rllib.build import build_algorithm

        # RLlib registers the games of all its algorithms under one name
        warnings.filterwarnings("ignore", message=".*Overriding environment", category=UserWarning)
        built = {name: build_algorithm(_defaults(name), 0) for name in registry.ALGORITHMS}
        env_steps = {name: _env_steps_of_an_iteration(algorithm) for name, algorithm in built.items()}
        seconds = take_turns({name: repeat(algorithm.train) for name, algorithm in built.items()}, timing)
        for algorithm in built.values():
            algorithm.stop()
    per_step = {name: [s / env_steps[name] for s in values] for name, values in seconds.items()}
    others = {name: ratios(per_step["rllib-ppo"], values) for name, values in per_step.items() if name != "rllib-ppo"}
    return {"env_steps_per_s": rates(1, per_step), "times_rllib_ppo": others}


def _defaults(name: str) -> RunSettings:
    algorithm = registry.get(name)
    hyperparameters = algorithm.load().Hyperparameters()
    return RunSettings(
        algorithm=name, scenario="paper", seed=0, env_steps=algorithm.env_steps, hyperparameters=hyperparameters
    )


def _env_steps_of_an_iteration(algorithm: Any) -> float:
    before, after = (float(algorithm.train()["num_env_steps_sampled_lifetime"]) for _ in range(2))
    return after - before


def against_agilerl(python: str, num_games: int, rounds: int) -> dict[str, Any]:
    """Measure env steps a second of whole trainings, AgileRL's and ours in turns, and the ratio of the two."""
    from recipes.rllib.session import local_ray

    with local_ray():
        config = _config().env_runners(num_envs_per_env_runner=num_games)
        config.training(slots_per_update=STEPS_PER_UPDATE // num_games)
        algorithm = config.reporting(min_sample_timesteps_per_iteration=AGILERL_STEPS).build_algo()
        algorithm.train()
        command = [python, "-m", "benchmarks", "agilerl-worker", str(num_games)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
            assert peer.stdin is not None
            assert peer.stdout is not None
            while peer.stdout.readline() != "ready\n":
                assert peer.poll() is None, f"{command} failed"
            seconds: dict[str, list[float]] = {"ours": [], "agilerl": []}
            for _ in range(rounds):
                began = FULL.clock()
                algorithm.train()
                seconds["ours"].append((FULL.clock() - began) / AGILERL_STEPS)
                peer.stdin.write(f"{AGILERL_STEPS}\n")
                peer.stdin.flush()
                seconds["agilerl"].append(float(peer.stdout.readline()) / AGILERL_STEPS)
            peer.stdin.close()
        algorithm.stop()
    return rates(1, seconds) | {"ours_times_agilerl": ratios(seconds["agilerl"], seconds["ours"])}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--agilerl", metavar="PYTHON", help="Python interpreter with AgileRL, to compare with")
    report.add_options(parser)


def run(options: argparse.Namespace) -> None:
    """Measure, print and store."""
    # the record has no path of this machine
    told = [" --quick"] * options.quick + [" --agilerl PYTHON"] * (options.agilerl is not None)
    result = {"machine": report.machine("ray"), "command": "python -m benchmarks training" + "".join(told)}
    result |= measure(QUICK if options.quick else FULL)
    result["algorithms"] = compare_algorithms(Timing(2, 0.1) if options.quick else Timing(7, 1.0))
    if options.agilerl is not None:
        result["agilerl"] = {
            f"{games} {'game' if games == 1 else 'games'} each": against_agilerl(
                options.agilerl, games, 3 if options.quick else 7
            )
            for games in AGILERL_GAMES
        }
    report.show(result, options)
