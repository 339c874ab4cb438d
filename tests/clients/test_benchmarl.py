"""BenchMARL."""

import math

import pytest
import torch
from benchmarl.algorithms import IppoConfig, IqlConfig, MappoConfig, QmixConfig, VdnConfig
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig

from tests.clients.masks import assert_heeded
from tests.pages import import_first_block, run_tutorial

EdgeOffload = import_first_block("benchmarl").EdgeOffload


def test_tutorial(tmp_path):
    """MAPPO with a network per user and a critic on the global state on `paper`, above `random`"""
    run_tutorial("benchmarl", tmp_path)


def _weights(experiment):
    """A copy of what is learned, by name: the losses' parameters without those of target networks."""
    return {
        f"{group}.{name}": values.detach().clone()
        for group, loss in experiment.losses.items()
        for name, values in loss.named_parameters()
        if "target" not in name
    }


def _train(scenario, algorithm, folder):
    """Two iterations with updates and evaluation, after which all weights have moved; the experiment."""
    torch.set_num_threads(1)
    config = ExperimentConfig.get_from_yaml()
    config.on_policy_collected_frames_per_batch = config.off_policy_collected_frames_per_batch = 200
    config.on_policy_n_envs_per_worker = config.off_policy_n_envs_per_worker = 2
    config.on_policy_n_minibatch_iters, config.on_policy_minibatch_size = 2, 100
    config.off_policy_n_optimizer_steps, config.off_policy_train_batch_size = 4, 64
    config.off_policy_memory_size, config.max_n_iters, config.max_n_frames = 1_000, 2, None
    config.evaluation, config.evaluation_interval, config.evaluation_episodes = True, 200, 1
    config.render, config.loggers, config.create_json, config.save_folder = False, [], False, str(folder)
    experiment = Experiment(
        task=EdgeOffload(scenario, {}),
        algorithm_config=algorithm.get_from_yaml(),
        model_config=MlpConfig.get_from_yaml(),
        critic_model_config=MlpConfig.get_from_yaml(),
        seed=0,
        config=config,
    )
    before = _weights(experiment)
    experiment.run()
    after = _weights(experiment)
    assert experiment.total_frames == 400
    assert math.isfinite(experiment.mean_return)
    assert experiment.mean_return < 0
    assert before.keys() == after.keys()
    assert before
    assert [name for name in before if torch.equal(before[name], after[name])] == []
    assert all(values.isfinite().all() for values in after.values())
    return experiment


@pytest.mark.parametrize("algorithm", [MappoConfig, IppoConfig, IqlConfig, VdnConfig, QmixConfig])
def test_algorithms_train(algorithm, tmp_path):
    """MAPPO, IPPO, IQL, VDN and QMIX, two iterations each with updates and evaluation, on `crowded-team`"""
    _train("crowded-team", algorithm, tmp_path)


@pytest.mark.parametrize("algorithm", [MappoConfig, QmixConfig])
def test_masks(algorithm, tmp_path):
    """MAPPO and QMIX on `urban`, whose masks they heed"""
    experiment = _train("urban", algorithm, tmp_path)
    data = experiment.replay_buffers["user"][:]  # what exploring users did
    assert_heeded(data["user", "action"], data["user", "action_mask"])
