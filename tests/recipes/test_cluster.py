"""Sweeps and trainings on clusters of several Ray nodes on this machine, which join and die."""

import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from recipes.runs import RunFolder
from tests.pages import TUTORIALS, code_blocks
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import CHECKOUT, descendants, finished, is_actor, run, start, started
from tests.recipes.runs import TINY_DQN, TINY_TRAIN, checkpoints, table_without_times

pytestmark = [*RAY_NOISE, pytest.mark.slow]

SWEEP = ["sweep", "--algorithms", "idql-tolb", "--seeds", "3", "--env-steps", "2500", "--checkpoint-every", "0"]
SWEEP += TINY_DQN

RLLIB_TRIAL = "algorithm_type"
"""Title of a trial of RLlib's while it works; Tune wraps its methods in functions of a class of this name."""


class Nodes:
    """A cluster whose head node has no cores, so that all work is on nodes that can die."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster

        self.folder = folder
        with own_key_value_store_kept():
            self._cluster = Cluster(initialize_head=True, head_node_args=self._arguments(0))
        self.address: str = self._cluster.address

    def join(self, num_cpus: int = 1) -> Any:
        with own_key_value_store_kept():
            return self._cluster.add_node(**self._arguments(num_cpus))

    def kill(self, node: Any) -> None:
        """Kill a node with all its processes, as a power failure does."""
        for pid in [pid_of_raylet(node), *(below.pid for below in descendants(pid_of_raylet(node)))]:
            os.kill(pid, signal.SIGKILL)
        self._cluster.remove_node(node, allow_graceful=False)

    def shutdown(self) -> None:
        with own_key_value_store_kept():
            self._cluster.shutdown()

    @staticmethod
    def _arguments(num_cpus: int) -> dict[str, Any]:
        return {"num_cpus": num_cpus, "object_store_memory": 100 * 2**20, "include_dashboard": False}


@contextlib.contextmanager
def own_key_value_store_kept() -> Iterator[None]:
    """Keep this process's connection to the key-value store of its own Ray, which other tests share.

    ``ray.cluster_utils`` connects the process that starts a node to the store of the new cluster, and drops the
    connection at the end. RLlib would then register environments where its env runners do not look.
    """
    from ray.experimental import internal_kv

    before = internal_kv.internal_kv_get_gcs_client()
    try:
        yield
    finally:
        internal_kv._internal_kv_reset()
        if before is not None:
            internal_kv._initialize_internal_kv(before)


def pid_of_raylet(node: Any) -> int:
    (process,) = node.all_processes["raylet"]
    return int(process.process.pid)


def actors(node: Any, name: str) -> list[int]:
    """List the processes of a node's actors with a name in their class."""
    below = descendants(pid_of_raylet(node))
    return [process.pid for process in below if is_actor(process, name)]


@contextlib.contextmanager
def trials_paused(*nodes: Any, name: str = "RunTrial") -> Iterator[None]:
    """Pause the trials of these nodes, so that a fast one does not end or start another run meanwhile."""
    stopped: set[int] = set()
    over = threading.Event()

    def hold() -> None:
        while not over.wait(0.1):
            for pid in {pid for node in nodes for pid in actors(node, name)} - stopped:
                stopped.add(pid)
                send(pid, signal.SIGSTOP)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        try:
            yield
        finally:
            over.set()
            try:
                holding.result()
            finally:
                for pid in stopped:
                    send(pid, signal.SIGCONT)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)  # keeps this cluster from being the machine's default
        cluster = Nodes(Path(folder))
        try:
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The table of the sweep on one machine."""
    out = tmp_path_factory.mktemp("alone")
    done = run(*SWEEP, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return table_without_times(out)


def test_a_sweep_over_three_nodes(nodes: Nodes, alone: list[dict[str, str]], tmp_path: Path) -> None:
    three = [nodes.join() for _ in range(3)]
    with start(*SWEEP, "--out", str(tmp_path), "--address", nodes.address) as process:
        with trials_paused(*three):
            process.wait_until(lambda: all(actors(node, "RunTrial") for node in three), pause_s=0.5)
        done = process.wait()
    assert done.returncode == 0, done.stderr
    assert table_without_times(tmp_path) == alone


def test_a_sweep_survives_a_dead_node_and_uses_a_new_one(
    nodes: Nodes, alone: list[dict[str, str]], tmp_path: Path
) -> None:
    first, second = nodes.join(), nodes.join()
    with start(*SWEEP, "--out", str(tmp_path), "--address", nodes.address) as process:
        process.wait_until(lambda: actors(first, "RunTrial") and actors(second, "RunTrial"), pause_s=0.5)
        process.wait_until(lambda: sum(bool(checkpoints(path)) for path in tmp_path.glob("runs/*/*/*")) >= 2)
        with trials_paused(first):
            nodes.kill(second)
            third = nodes.join()
            process.wait_until(lambda: actors(third, "RunTrial"), pause_s=0.5)
        done = process.wait()
    assert done.returncode == 0, done.stderr
    assert table_without_times(tmp_path) == alone


def test_a_training_survives_a_dead_node_and_uses_a_new_one(nodes: Nodes, tmp_path: Path) -> None:
    """The learner continues with the remaining env runner, and with another one when a node joins."""
    nodes.join(), nodes.join()
    folder = tmp_path / "run"
    arguments = [*TINY_TRAIN, "--env-steps", "100000", "--out", str(folder), "--env-runners", "2"]
    with start(*arguments, "--address", nodes.address) as process:

        def wait_for_rows(count: int) -> None:
            before = len(RunFolder(folder).rows())
            process.wait_until(lambda: len(RunFolder(folder).rows()) >= before + count)

        wait_for_rows(2)
        workers = nodes._cluster.list_all_nodes()[1:]
        assert [len(actors(node, "EnvRunner")) for node in workers] == [1, 1]
        nodes.kill(workers[0])
        wait_for_rows(3)
        third = nodes.join()
        process.wait_until(lambda: actors(third, "EnvRunner"), pause_s=0.5)
        wait_for_rows(3)
        process.interrupt()
        assert "resume with:" in process.wait().stderr
    assert checkpoints(folder)


def test_the_tutorial_on_tune_over_two_nodes(nodes: Nodes, tmp_path: Path) -> None:
    """A trial on each node; the nodes get the code, and write checkpoints to the shared storage."""
    both, storage = [nodes.join(), nodes.join()], tmp_path / "shared"
    environment = variables(tmp_path, nodes.address, storage)
    with started(tutorial(tmp_path), watched=tmp_path, cwd=tmp_path, **environment) as process:
        with trials_paused(*both, name=RLLIB_TRIAL):
            process.wait_until(lambda: all(actors(node, RLLIB_TRIAL) for node in both), pause_s=0.2)
        done = process.wait()
    assert done.returncode == 0, done.stderr
    assert list(nodes.folder.glob("**/py_modules_files/*/recipes/__init__.py"))
    # Checkpoints are in the storage before training continues; the rows of a short trial may come after its end
    trials = [path.parent for path in (storage / "learning-rates").glob("DTOMALB_*/checkpoint_*")]
    assert len(trials) == 2
    assert all(str(trial) in done.stdout for trial in trials)
    assert not (tmp_path / "tune-results").exists()


def test_the_tutorial_on_tune_requires_a_storage_on_a_cluster(tmp_path: Path) -> None:
    done = finished(tutorial(tmp_path), cwd=tmp_path, **variables(tmp_path, "auto", ""))
    assert done.returncode != 0
    assert "TUNE_STORAGE is not set" in done.stderr


def tutorial(folder: Path) -> list[str]:
    """Write the tutorial's program to a folder, and return its command line."""
    program = folder / "tutorial.py"
    program.write_text("\n".join(code_blocks((TUTORIALS / "tune.md").read_text(encoding="utf-8"))), encoding="utf-8")
    return [sys.executable, str(program)]


def variables(home: Path, address: str, storage: Path | str) -> dict[str, str]:
    return {"HOME": str(home), "PYTHONPATH": str(CHECKOUT), "RAY_ADDRESS": address, "TUNE_STORAGE": str(storage)}


@pytest.mark.usefixtures("local_session")
def test_a_cluster_leaves_this_processes_ray_alone() -> None:
    """Otherwise other tests of this process would fail after those of this file, depending on their order."""
    import ray

    from recipes.rllib.adapter import register_envs

    @ray.remote
    def found() -> bool:
        from ray.tune.registry import ENV_CREATOR, _global_registry

        return bool(_global_registry.contains(ENV_CREATOR, "edgeoffload/paper-v0"))

    with tempfile.TemporaryDirectory() as folder:
        cluster = Nodes(Path(folder))
        cluster.join()
        cluster.shutdown()
    register_envs()
    assert ray.get(found.remote())
