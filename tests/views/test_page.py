"""The web page of an episode holds the game's own numbers, and nothing from elsewhere."""

import json
import re

import numpy as np
import pytest

from edgeoffload_env import edgeoffload_v0, evaluate, policies, scenarios, tables
from edgeoffload_env.cli import main
from edgeoffload_env.rendering import page
from edgeoffload_env.rendering.ansi import numbers_of
from edgeoffload_env.rendering.inspect import episode_of
from edgeoffload_env.rendering.scene import distance_of
from tests.pages import ROOT, code_blocks, run_block

GAMES = {
    "paper": {"max_cycles": 8},
    "urban-outages": {"max_cycles": 30},
    "cloud": {"max_cycles": 8, "result_ratio": 0.2},
    "vehicles": {"max_cycles": 8},
}


def episode_in(text):
    """The content of a page, as a browser reads it."""
    (found,) = re.findall(r'<script type="application/json" id="episode">(.*?)</script>', text, re.DOTALL)
    return json.loads(found, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))


def at(series, slot):
    return series["values"] if series["constant"] else series["values"][slot]


def written(tmp_path, names, config, **options):
    path = tmp_path / "episode.html"
    utilities = page.write_page(path, names, config, **options)
    return path.read_text(encoding="utf-8"), utilities


@pytest.mark.parametrize("scenario", GAMES)
def test_the_numbers_are_those_of_the_single_game(scenario, tmp_path):
    config = scenarios.configure(scenario, **GAMES[scenario])
    text, _ = written(tmp_path, ["proportional", "greedy"], config, seed=3)
    episode = episode_in(text)
    assert (episode["users"], episode["servers"], episode["slots"]) == (
        config.num_users,
        config.servers,
        config.max_cycles,
    )
    for play in episode["plays"]:
        env = edgeoffload_v0.parallel_env(config)
        env.reset(seed=3)
        for slot in range(config.max_cycles):
            snapshot = env.snapshot()
            for quantity in config.schema.snapshot.values():
                for one, values in numbers_of(quantity, snapshot[quantity.name]):
                    series = play["snapshot"].get(one.name) or episode["shared"][one.name]
                    assert at(series, slot) == values.tolist(), (one.name, slot)
            infos = env.step(dict(zip(env.agents, at(play["infos"]["target"], slot), strict=True)))[4]
            for name, quantity in config.schema.infos.items():
                values = [info[name] for info in infos.values()]
                found = at(play["infos"][name], slot)
                assert found == (values if quantity.scope == "user" else values[0]), (name, slot)


def test_what_no_policy_moves_is_there_once(tmp_path):
    config = scenarios.configure("urban-outages", max_cycles=20)
    episode = episode_in(written(tmp_path, ["greedy", "local"], config)[0])
    drawn = {name for process in config.schema.processes for name in process.fields} - set(config.schema.queues)
    assert drawn <= set(episode["shared"])
    for play in episode["plays"]:
        assert set(play["snapshot"]) == set(config.schema.snapshot) - set(episode["shared"])
        assert play["drawn"]["users_m"]["constant"]
    assert episode["shared"]["device_hz"]["constant"]
    assert not episode["shared"]["task_bits"]["constant"]


def test_users_who_move_have_a_place_in_every_slot():
    config = scenarios.configure("sparse", max_cycles=3)
    still = page.record("greedy", config)
    distance_m = np.hypot(*still.drawn["users_m"][0].T)
    np.testing.assert_allclose(distance_m, distance_of(still.snapshot["channel_gain"][0]), rtol=1e-3)
    places = still.drawn["users_m"] + np.arange(3)[:, None, None]
    (play,) = page.content([still._replace(drawn=still.drawn | {"users_m": places})], config, title="")["plays"]
    assert play["drawn"]["users_m"] == {"constant": False, "values": places.tolist()}


@pytest.mark.parametrize("scenario", GAMES)
def test_metrics_so_far_are_those_of_a_shorter_episode(scenario):
    config = scenarios.configure(scenario, **GAMES[scenario])
    recording = page.record("greedy", config, seed=2)
    assert list(recording.metrics) == [metric.name for metric in config.schema.metrics]
    for slots in (1, 4, config.max_cycles):
        shorter = page.record("greedy", config.replace(max_cycles=slots), seed=2)
        for name, values in shorter.metrics.items():
            assert recording.metrics[name][slots - 1] == pytest.approx(values[-1], rel=1e-12, nan_ok=True), name
        active = recording.infos.get("active", np.ones_like(recording.infos["target"], dtype=bool))[:slots]
        delays = recording.infos["delay_s"][:slots][active]
        assert recording.metrics["p95_delay_s"][slots - 1] == pytest.approx(np.quantile(delays, 0.95))
        assert recording.metrics["mean_delay_s"][slots - 1] == pytest.approx(delays.mean())
    assert recording.metrics["utility"][-1] == pytest.approx(episode_of("greedy", config, 2).utility, rel=1e-12)


def test_without_tasks_there_is_no_mean(tmp_path):
    config = scenarios.configure("sparse", num_users=1, max_cycles=6, arrivals={"probability": 0.2})
    text, _ = written(tmp_path, ["greedy"], config)
    (play,) = episode_in(text)["plays"]
    assert None in play["metrics"]["mean_delay_s"]["values"]
    assert at(play["metrics"]["mean_delay_s"], 0) is None
    assert at(play["metrics"]["utility"], 0) <= 0.0


def test_a_hundred_slots_of_urban_are_small(tmp_path):
    config = scenarios.configure("urban-outages")
    text, utilities = written(tmp_path, ["greedy", "proportional"], config)
    assert config.max_cycles == 100
    assert len(text.encode()) < 2_000_000
    assert utilities[0] > utilities[1]


def test_nothing_is_asked_of_the_network(tmp_path):
    text, _ = written(tmp_path, ["greedy"], scenarios.configure("urban", max_cycles=2))
    assert not re.search(r"https?:|//\w+\.|@import|url\(|\bfetch\(|XMLHttp|\bimport\(", text)
    assert set(re.findall(r'(?:href|src)="([^"]*)"', text)) == {"data:,"}
    assert "default-src 'none'" in text


def test_names_cannot_end_the_data_or_become_elements(tmp_path):
    name = '</script><b>"bold" & co</b>'
    text, _ = written(tmp_path, ["greedy"], scenarios.configure("sparse", max_cycles=2), captions=[name], title=name)
    assert episode_in(text)["plays"][0]["caption"] == name
    assert "<b>" not in text
    assert "<title>&lt;/script&gt;&lt;b&gt;&quot;bold&quot; &amp; co&lt;/b&gt;</title>" in text


def test_every_quantity_is_described_as_in_the_tables():
    config = scenarios.configure("urban-outages", max_cycles=2)
    content = page.content([page.record("greedy", config)], config, title="")
    text = tables.describe(config)
    for quantity in content["snapshot"] + content["infos"]:
        assert f"| `{quantity['name']}`" in text
        assert quantity["text"] in text
    for metric in content["metrics"]:
        assert f"| `{metric['name']}`" in text


@pytest.mark.parametrize("fields", [{"num_users": 300, "server_hz": (1e9,) * 40}, {"num_users": 1, "max_cycles": 1}])
def test_every_game_has_a_page(fields, tmp_path):
    config = scenarios.configure("sparse", **({"max_cycles": 2} | fields))
    episode = episode_in(written(tmp_path, ["random"], config)[0])
    assert len(episode["colours"]) == config.servers + 1
    assert len(at(episode["plays"][0]["drawn"]["users_m"], 0)) == config.num_users


def test_the_commands_write_the_same_game(tmp_path, capsys):
    played, inspected = tmp_path / "game.html", tmp_path / "episode.html"
    both = ["--scenario", "sparse", "--policy", "herd:noise_s=0.1", "--beside", "random", "--seed", "4"]
    assert main(["play", *both, "--record", str(played), "--fps", "7"]) == 0
    shown = capsys.readouterr().out
    assert main(["inspect", *both, "--out", str(inspected)]) == 0
    first, second = (episode_in(path.read_text(encoding="utf-8")) for path in (played, inspected))
    assert first.pop("fps") == 7
    assert second.pop("fps") == 5
    assert first == second
    assert first["title"] == "herd:noise_s=0.1 and random on sparse, seed 4"
    for play in first["plays"]:
        utility = play["metrics"]["utility"]["values"][-1]
        assert f"{play['caption']} on sparse, seed 4: utility {utility:.3f}" in shown


def test_a_page_of_some_slots(tmp_path):
    path = tmp_path / "game.html"
    assert main(["play", "--record", str(path), "--slots", "3"]) == 0
    assert episode_in(path.read_text(encoding="utf-8"))["slots"] == 3


@pytest.mark.parametrize(
    "command",
    [
        ["play", "--slots", "2", "--record", "{}.html"],
        ["play", "--slots", "2", "--record", "{}.gif"],
        ["inspect", "--out", "{}.html"],
    ],
)
def test_no_file_is_overwritten_unasked(command, tmp_path, capsys):
    path = tmp_path / command[-1].format("episode")
    path.write_text("before")
    arguments = [*command[:-1], str(path), "--scenario", "sparse"]
    assert main(arguments) == 2
    assert f"{path} exists; add --force to overwrite it" in capsys.readouterr().err
    assert path.read_text() == "before"
    assert main([*arguments, "--force"]) == 0
    assert path.stat().st_size > 10_000


def test_an_image_shows_one_policy(tmp_path, capsys):
    path = tmp_path / "episode.png"
    assert main(["inspect", "--beside", "random", "--out", str(path)]) == 2
    assert "--out must be an .html file where --beside is given" in capsys.readouterr().err
    assert not path.exists()


def test_a_policy_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="users"):
        written(tmp_path, [policies.make("optimum")], scenarios.configure("stadium"))
    assert not list(tmp_path.iterdir())


def test_a_page_plays_the_episodes_that_are_evaluated():
    config = scenarios.configure("sparse", max_cycles=10)
    utilities = [page.record("greedy", config, seed=seed, slots=99).metrics["utility"][-1] for seed in range(40)]
    assert np.mean(utilities) == pytest.approx(evaluate("greedy", config, 64).utility.mean(), rel=0.05)


def test_the_documentation_reads_a_page(tmp_path):
    text = (ROOT / "docs" / "watch.md").read_text(encoding="utf-8")
    (block,) = code_blocks(text)
    run_block(block, tmp_path)
    assert (tmp_path / "game.html").is_file()
