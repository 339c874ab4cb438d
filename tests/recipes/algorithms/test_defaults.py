"""The same defaults from Python as from the command line."""

import inspect
from typing import Any

import pytest

import recipes
from edgeoffload_env import scenarios
from recipes import registry
from recipes.settings import RunSettings

OWN = [name for name, entry in registry.ALGORITHMS.items() if entry.config is not None]
each = pytest.mark.parametrize("name", OWN)


def config_of(name: str) -> Any:
    """The algorithm's RLlib configuration, as ``from recipes import ...`` gives it."""
    entry = registry.get(name)
    assert entry.config is not None
    return getattr(recipes, entry.config)()


def run(name: str, **values: Any) -> RunSettings:
    """The run that ``python -m recipes train NAME --set ...`` trains."""
    entry = registry.get(name)
    hyper = entry.load().Hyperparameters.of(values)
    return RunSettings(
        algorithm=name, scenario="paper", seed=0, env_steps=entry.env_steps, hyperparameters=hyper, env={}
    )


def fields(config: Any) -> dict[str, Any]:
    return {field: value for field, value in vars(config).items() if not field.startswith("_")}


@each
def test_python_has_the_command_lines_defaults_field_by_field(name: str) -> None:
    trained = registry.get(name).load().algorithm_config(run(name))
    assert fields(config_of(name).environment("edgeoffload/paper-v0")) == fields(trained)
    batch_size = registry.get(name).load().Hyperparameters().train_batch_size_per_learner
    assert trained._train_batch_size_per_learner == config_of(name)._train_batch_size_per_learner == batch_size


@each
def test_every_hyperparameter_has_one_name_and_one_default(name: str) -> None:
    hyperparameters = registry.get(name).load().Hyperparameters
    config = config_of(name)
    assert config.hyperparameters == hyperparameters()
    text = inspect.getdoc(type(config)) or ""
    for field, default, description in hyperparameters.described():
        assert getattr(config, field) == default
        assert f"``{field} = {default!r}``: {description}" in text


@each
def test_training_takes_the_names_of_set(name: str) -> None:
    changed = {"gamma": 0.25, "hidden": (8, 4), "grad_clip": 2.0, "num_envs_per_env_runner": 3, "final_lr": 1e-4}
    config = config_of(name).training(**changed).environment("edgeoffload/paper-v0")
    assert fields(config) == fields(registry.get(name).load().algorithm_config(run(name, **changed)))
    assert config.hyperparameters == run(name, **changed).hyperparameters


def test_rllibs_own_methods_set_the_same_fields() -> None:
    config = config_of("dtomalb").env_runners(num_envs_per_env_runner=7).training(train_batch_size_per_learner=64)
    assert config.hyperparameters.num_envs_per_env_runner == 7
    assert config.hyperparameters.train_batch_size_per_learner == 64


def test_schedules_run_over_the_default_length_unless_told_otherwise() -> None:
    assert config_of("dtomalb").total_env_steps == registry.get("dtomalb").env_steps == 60_000
    trained = registry.get("dtomalb").load().algorithm_config(run("dtomalb"))
    assert trained.training(total_env_steps=500).total_env_steps == 500


def test_dtoma_is_dtomalb_without_the_balance_term() -> None:
    config = config_of("dtoma").environment("edgeoffload/paper-v0", env_config={"num_users": 3})
    assert config.env_config == {"balance_weight": 0.0, "num_users": 3}
    assert scenarios.configure("paper", **config.env_config).balance_weight == 0.0
    assert config.hyperparameters == config_of("dtomalb").hyperparameters
    assert config.learner_type is config_of("dtomalb").learner_type
    with pytest.raises(ValueError, match=r"env.balance_weight must be 0.0, which defines DTOMA, got 2.0"):
        config.environment(env_config={"balance_weight": 2.0})
