import json
from pathlib import Path

import pytest
import torch

from benchmarks import gpu
from edgeoffload_env import edgeoffload_v0


def test_the_script_runs_on_a_cpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gpu.json"
    arguments = ["--device", "cpu", "--num-envs", "1000", "--modes", "eager", "--quick", "--json", str(file)]
    assert gpu.main(arguments) == 0
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
    assert gpu.main([]) == 1
    assert "no CUDA device" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--modes", "fast"], "'fast' is not allowed"),
        (["--num-envs", "10,0"], "'10,0' is not allowed"),
        (["--device", "meta"], "'meta' is not allowed"),
    ],
)
def test_bad_arguments_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        gpu.main(arguments)
    assert message in capsys.readouterr().err
