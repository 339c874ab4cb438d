import json
from pathlib import Path

import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.speed import gpu
from edgeoffload_env import edgeoffload_v0


def test_the_command_runs_on_a_cpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gpu.json"
    arguments = ["--device", "cpu", "--num-envs", "1000", "--modes", "eager", "--quick", "--json", str(file)]
    assert main(["gpu", *arguments]) == 0
    result = json.loads(file.read_text())["B=1000"]
    rates = result["agent_steps_per_s"]
    for value in (result["copy_bytes_per_s"], rates["allowed"], rates["eager"], result["of_allowed"]["eager"]):
        assert value["median"] > 0.0
    assert result["bytes_per_agent_step"]["read"] == 28.0
    assert "B=1000 | of_allowed | eager" in capsys.readouterr().out


def test_the_bytes_are_those_of_the_docstring() -> None:
    env = edgeoffload_v0.vector_env(100, backend="torch")
    env.reset(seed=0)
    traffic = gpu.bytes_per_step(env, torch.zeros((100, 10), dtype=torch.int64))
    assert traffic == {"read": 1000 * (24 + 4), "written": 1000 * 64 + 100 * (80 + 20 + 4 + 2)}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gpu"]) == 1
    assert "no CUDA device" in capsys.readouterr().out


def test_a_device_without_a_clock_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gpu", "--device", "meta"]) == 2
    assert "--device must be cuda or cpu, got 'meta'" in capsys.readouterr().err
