import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import edgeoffload_env
from benchmarks.__main__ import main
from benchmarks.speed import report, throughput
from benchmarks.speed.timing import Timing
from tests.helpers import compiles

ROOT = Path(__file__).parents[2]


def assert_spread(value: dict[str, Any]) -> None:
    low, high = value["quartiles"]
    assert 0.0 < low <= value["median"] <= high


def test_a_quick_run_measures_every_ratio(tmp_path: Path) -> None:
    file = tmp_path / "results" / "throughput.json"
    command = [sys.executable, "-m", "benchmarks", "throughput", "--quick", "--json", str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    result = json.loads(file.read_text())
    assert_spread(result["single"]["times_simple_spread"])
    assert set(result["vector"]["of_hand_compiled"]) == {"numpy", "torch"}
    for ratio in result["vector"]["of_hand_compiled"].values():
        assert_spread(ratio)
    for backend in ("numpy", "torch"):
        assert_spread(result["growth"][backend]["N=1000 over N=10"])
        assert len(result["growth"][backend]["ns_per_agent_step"]) == len(throughput.GROWTH_USERS) + 1
    for view in ("single", "vector"):
        assert set(result["effects"][view]) >= {"urban", "vehicles"}
        assert_spread(result["effects"][view]["urban"])
        assert result["effects"][view]["urban"]["median"] > 1.0
    assert result["settings"]["rounds"] >= 3
    assert {"python", "packages", "cpu"} <= set(result["machine"])
    assert result["machine"]["edgeoffload-env"] == edgeoffload_env.__version__
    for name in ("numpy", "torch", "numba", "mpe2"):
        assert result["machine"]["packages"][name] == report.package_version(name)
    assert "single | times_simple_spread" in ran.stdout
    if report.package_version("vmas") is None:
        assert "peers | vmas" in ran.stdout
        assert "not installed" in ran.stdout


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["throughput", "--only", "single", "double"])
    assert "invalid choice: 'double'" in capsys.readouterr().err


@pytest.mark.slow
@compiles
def test_the_compiled_step_is_checked_and_measured() -> None:
    result = throughput.vector(Timing(rounds=2, turn_s=0.01), quick=False)
    assert_spread(result["of_hand_compiled"]["torch compiled"])
    assert 0.0 < result["largest_difference_to_hand_compiled"]["torch compiled"] <= 1e-5
