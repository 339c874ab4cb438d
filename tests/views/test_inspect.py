"""The episode inspector shows the episode."""

import itertools

import numpy as np
import pytest

from edgeoffload_env import evaluate, policies, scenarios
from edgeoffload_env.cli import main
from edgeoffload_env.rendering.inspect import PARTS, draw, episode_of
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv


def test_an_episode_is_the_games():
    config = scenarios.configure("paper", num_users=3, max_cycles=7)
    episode = episode_of("round-robin", config, seed=5)
    assert episode.targets.shape == (7, 3)
    assert episode.load_s.shape == (7, 5)
    env = EdgeOffloadVectorEnv(config, 1, dtype="float64")
    env.reset(seed=5)
    utility = 0.0
    for slot in range(7):
        backlog = env.snapshot()["backlog_cycles"][0]
        np.testing.assert_allclose(episode.load_s[slot], backlog / np.asarray(config.server_hz))
        info = env.step(episode.targets[slot][None])[-1]
        delay = sum(part[slot] for part in episode.parts_s.values())
        np.testing.assert_allclose(delay, info["delay_s"][0])
        utility -= delay.mean() + info["imbalance"][0]
    assert episode.utility == pytest.approx(utility, rel=1e-12)


def test_delays_of_split_tasks_are_shown_beside_the_offloaded_parts(tmp_path):
    config = scenarios.configure("split", max_cycles=9)
    episode = episode_of("greedy", config, seed=5)
    parts_s = sum(episode.parts_s.values())
    longer = episode.delay_s > parts_s + 1e-9
    assert longer.any()
    np.testing.assert_allclose(episode.delay_s[~longer], parts_s[~longer])
    draw(episode, "split", tmp_path / "split.svg")
    draw(episode._replace(delay_s=parts_s), "split", tmp_path / "whole.svg")
    drawn = [(tmp_path / name).read_text().count("<!-- task -->") for name in ("split.svg", "whole.svg")]
    assert drawn == [1, 0]


def test_legends_cover_nothing_and_parts_look_like_no_server(tmp_path, monkeypatch):
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure

    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *args, **options: drawn.append(self) or save(self, *args, **options)
    )
    config = scenarios.configure("cloud", max_cycles=9, result_ratio=0.2)
    episode = episode_of("greedy", config, seed=5)
    assert set(episode.parts_s) == set(PARTS)
    draw(episode, "cloud", tmp_path / "episode.png")
    (figure,) = drawn
    delays, loads, _ = figure.axes
    for axes in (delays, loads):
        assert axes.get_legend().get_window_extent().y1 < axes.get_window_extent().y0
    parts = [to_rgb(handle.patches[0].get_facecolor()) for handle in delays.containers]
    servers = [to_rgb(line.get_color()) for line in loads.lines]
    assert (len(parts), len(servers)) == (len(PARTS), config.servers)
    for part, server in itertools.product(parts, servers):
        assert np.linalg.norm(np.subtract(part, server)) > 0.2


def test_its_utility_is_that_of_an_evaluation():
    config = scenarios.configure("sparse")
    utilities = [episode_of("greedy", config, seed).utility for seed in range(40)]
    assert np.mean(utilities) == pytest.approx(evaluate("greedy", "sparse", 64).utility.mean(), rel=0.05)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_figure_is_written(ending, tmp_path, capsys):
    path = tmp_path / f"episode.{ending}"
    assert main(["inspect", "--scenario", "two-tier", "--policy", "local", "--out", str(path)]) == 0
    assert path.stat().st_size > 10_000
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--out", "episode.none"], ["--policy", "local,greedy"], ["--seed", "-1"]])
def test_refuses(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", *arguments]) == 2
    assert not list(tmp_path.iterdir())
    assert "error" in capsys.readouterr().err


def test_a_policy_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="users"):
        episode_of(policies.make("optimum"), scenarios.configure("stadium"))
