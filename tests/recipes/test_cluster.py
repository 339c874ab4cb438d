"""Sweeps and trainings on clusters: several Ray nodes on this machine, that join and die."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from recipes.runs import RunFolder
from tests.pages import run_tutorial
from tests.recipes.noise import RAY_NOISE
from tests.recipes.processes import TINY_TRAIN, checkpoints, ended, start, wait_for
from tests.recipes.test_sweep import TINY_SWEEP, children_of, without_clock
from tests.recipes.test_training import run

pytestmark = [*RAY_NOISE, pytest.mark.slow]

SWEEP = ["sweep", "--algorithms", "idql-tolb", "--seeds", "3", "--env-steps", "2500", "--checkpoint-every", "0"]
SWEEP += TINY_SWEEP


class Nodes:
    """A cluster; its head has no core, so that all work is done on nodes that may die."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster

        self.folder = folder
        self._cluster = Cluster(initialize_head=True, head_node_args=self._arguments(0))
        self.address: str = self._cluster.address

    def join(self, num_cpus: int = 1) -> Any:
        return self._cluster.add_node(**self._arguments(num_cpus))

    def kill(self, node: Any) -> None:
        """As when the power fails."""
        for pid in [pid_of_raylet(node), *(pid for pid, _ in children_of(pid_of_raylet(node)))]:
            os.kill(pid, signal.SIGKILL)
        self._cluster.remove_node(node, allow_graceful=False)

    def shutdown(self) -> None:
        self._cluster.shutdown()

    @staticmethod
    def _arguments(num_cpus: int) -> dict[str, Any]:
        return {"num_cpus": num_cpus, "object_store_memory": 100 * 2**20, "include_dashboard": False}


def pid_of_raylet(node: Any) -> int:
    (process,) = node.all_processes["raylet"]
    return int(process.process.pid)


def works(node: Any, name: str) -> list[int]:
    """The processes of a kind that run on a node."""
    return [pid for pid, command in children_of(pid_of_raylet(node)) if command.startswith(f"ray::{name}")]


@contextlib.contextmanager
def held(*of: Any) -> Iterator[None]:
    """Let trials of these nodes stand still, so that a quick one does not take up another's run meanwhile."""
    stopped: set[int] = set()
    over = threading.Event()

    def hold() -> None:
        while not over.wait(0.1):
            for pid in {pid for node in of for pid in works(node, "RunTrial")} - stopped:
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
    """To a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)  # which names the cluster for all that this machine starts later
        cluster = Nodes(Path(folder))
        try:
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The sweep's table when one machine does it all."""
    out = tmp_path_factory.mktemp("alone")
    done = run(*SWEEP, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return without_clock(out)


def test_a_sweep_over_three_nodes(nodes: Nodes, alone: list[dict[str, str]], tmp_path: Path) -> None:
    three = [nodes.join() for _ in range(3)]
    process = start(*SWEEP, "--out", str(tmp_path), "--address", nodes.address)
    with held(*three):
        wait_for(lambda: all(works(node, "RunTrial") for node in three), process, pause_s=0.5)
    text = ended(process)
    assert process.returncode == 0, text
    assert without_clock(tmp_path) == alone


def test_a_node_that_dies_costs_time_and_one_that_joins_is_used(
    nodes: Nodes, alone: list[dict[str, str]], tmp_path: Path
) -> None:
    first, second = nodes.join(), nodes.join()
    process = start(*SWEEP, "--out", str(tmp_path), "--address", nodes.address)
    folders: Callable[[], list[Path]] = lambda: list(tmp_path.glob("runs/*/*/*"))  # noqa: E731
    wait_for(lambda: works(first, "RunTrial") and works(second, "RunTrial"), process, pause_s=0.5)
    wait_for(lambda: len([path for path in folders() if checkpoints(path)]) >= 2, process)
    with held(first):
        nodes.kill(second)
        third = nodes.join()
        wait_for(lambda: works(third, "RunTrial"), process, pause_s=0.5)
    text = ended(process)
    assert process.returncode == 0, text
    assert without_clock(tmp_path) == alone


def test_runners_over_nodes_and_one_node_lost(nodes: Nodes, tmp_path: Path) -> None:
    """The learner goes on with the runners that are left, and with one more when a node joins."""
    nodes.join(), nodes.join()
    folder = tmp_path / "run"
    arguments = [*TINY_TRAIN, "--env-steps", "200000", "--out", str(folder), "--env-runners", "2"]
    process = start(*arguments, "--address", nodes.address)
    wait_for(lambda: len(RunFolder(folder).rows()) >= 2, process)
    everyone = nodes._cluster.list_all_nodes()[1:]
    assert [len(works(node, "JointEnvRunner")) for node in everyone] == [1, 1]
    nodes.kill(everyone[0])
    before = len(RunFolder(folder).rows())
    wait_for(lambda: len(RunFolder(folder).rows()) >= before + 3, process)
    third = nodes.join()
    wait_for(lambda: works(third, "JointEnvRunner"), process, pause_s=0.5)
    before = len(RunFolder(folder).rows())
    wait_for(lambda: len(RunFolder(folder).rows()) >= before + 3, process)
    os.killpg(process.pid, signal.SIGINT)
    assert "resume with:" in ended(process)
    assert checkpoints(folder)


def test_the_tutorial_on_tune_over_two_nodes(nodes: Nodes, tmp_path: Path) -> None:
    """A trial on each node; the code is sent to them, and checkpoints come to the storage that both see."""
    both, storage = [nodes.join(), nodes.join()], tmp_path / "shared"
    variables = {"RAY_ADDRESS": nodes.address, "TUNE_STORAGE": str(storage)}
    seen: set[int] = set()
    with ThreadPoolExecutor(1) as pool:
        tutorial = pool.submit(lambda: run_tutorial("tune", tmp_path, **variables))
        while not tutorial.done():
            seen |= {n for n, node in enumerate(both) if works(node, "DTOMALB")}
            time.sleep(0.2)
        printed = tutorial.result()
    assert seen == {0, 1}
    assert list(nodes.folder.glob("**/py_modules_files/*/recipes/__init__.py"))
    # Ray puts a checkpoint there before it goes on; the rows of short trials may come too late for their end
    trials = [path.parent for path in (storage / "learning-rates").glob("DTOMALB_*/checkpoint_*")]
    assert len(trials) == 2
    assert all(str(trial) in printed for trial in trials)
    assert not (tmp_path / "tune-results").exists()


def test_the_tutorial_on_tune_wants_a_storage_on_a_cluster(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run_tutorial("tune", tmp_path, RAY_ADDRESS="auto", TUNE_STORAGE="")
    assert "TUNE_STORAGE is not set" in capfd.readouterr().err
