"""Base of the RLlib algorithms that learn from joint transitions: sampling, metrics and weights of env runners."""

from collections.abc import Collection
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.utils.metrics import ENV_RUNNER_RESULTS, LEARNER_RESULTS

from recipes.joint.env_runner import BatchedEnvRunner, Fragment

_STATE = "env_steps"


class JointAlgorithm(Algorithm):  # type: ignore[misc]  # RLlib carries no types
    """Training with env runners that sample joint transitions.

    A subclass defines ``training_step``. A checkpoint holds networks, optimisers, running games, generators and
    counters: with a local env runner, a resumed training gives the same numbers as an uninterrupted one.

    Attributes:
        env_steps: of the training so far.
        other_runners: local env runners of the games trained on beside the first.
    """

    def setup(self, config: Any) -> None:
        """Build env runners and learner."""
        super().setup(config)
        self.other_runners: list[BatchedEnvRunner] = []
        self.env_steps = 0

    def get_state(
        self,
        components: str | Collection[str] | None = None,
        *,
        not_components: str | Collection[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return RLlib's state with the counter."""
        state: dict[str, Any] = super().get_state(components, not_components=not_components, **kwargs)
        if self._check_component(_STATE, components, not_components):
            state[_STATE] = self.env_steps
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the state that :meth:`get_state` returned."""
        super().set_state(state)
        self.env_steps = state.get(_STATE, self.env_steps)

    @property
    def has_remote_runners(self) -> bool:
        """Whether env runners in processes of their own sample, and not the one in this process."""
        return bool(self.env_runner_group.num_remote_env_runners() > 0)

    def sample_fragments(self) -> list[Fragment]:
        """Return a fragment of each env runner of the first game; none of those that are down."""
        if not self.has_remote_runners:
            return list(self.env_runner.sample(env_steps=self.env_steps))
        sampled = self.env_runner_group.foreach_env_runner(
            "sample",
            kwargs={"env_steps": self.env_steps},
            local_env_runner=False,
            timeout_seconds=self.config.sample_timeout_s,
        )
        return [fragment for (fragment,) in sampled]

    def share_weights(self) -> None:
        """Copy the learner's acting network to the env runners."""
        if self.has_remote_runners:
            self.env_runner_group.sync_weights(from_worker_or_learner_group=self.learner_group, inference_only=True)
            return
        # Within one process a copy takes a tenth of the time that the object store does
        self.learner_group.foreach_learner(
            lambda learner: [
                runner.copy_weights(learner.module[DEFAULT_MODULE_ID])
                for runner in (self.env_runner, *self.other_runners)
            ]
        )

    def collect_metrics(self) -> None:
        """Add the metrics of env runners and learner to the iteration's."""
        reports = self.env_runner_group.foreach_env_runner(
            lambda runner: runner.get_metrics(),
            local_env_runner=not self.has_remote_runners,
            timeout_seconds=self.config.sample_timeout_s,
        )
        reports = [*reports, *(runner.get_metrics() for runner in self.other_runners)]
        self.metrics.aggregate(reports, key=ENV_RUNNER_RESULTS)
        learned = self.learner_group.foreach_learner(lambda learner: learner.get_metrics())
        self.metrics.aggregate([result.get() for result in learned], key=LEARNER_RESULTS)
