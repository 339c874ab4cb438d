"""The picture: the same with and without a window, of the game as it is, and no part of it."""

import copy
import itertools
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

from edgeoffload_env import edgeoffload_v0, policies, scenarios
from edgeoffload_env.cli import main
from edgeoffload_env.model.channel import path_gain
from edgeoffload_env.rendering.picture import HEIGHT, WIDTH, Picture, colour_of
from edgeoffload_env.rendering.play import play
from edgeoffload_env.rendering.scene import History, distance_of, scales_of, scene_of
from tests.pages import ROOT


def played(slots=3, action=1, **fields):
    env = edgeoffload_v0.parallel_env(**({"num_users": 4} | fields))
    env.reset(seed=0)
    for _ in range(slots):
        env.step(dict.fromkeys(env.agents, action))
    return env


def test_a_frame_is_a_picture():
    env = played(render_mode="rgb_array")
    frame = env.render()
    assert (frame.shape, frame.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    np.testing.assert_array_equal(env.render(), frame)
    colours = {tuple(pixel) for pixel in frame.reshape(-1, 3)}
    assert colour_of(1, 5) in colours
    assert colour_of(0, 5) in colours  # of the key


def test_a_thumbnail_has_users_and_servers_and_little_else():
    env = played(render_mode="rgb_array", action=2)
    scene, picture = env.scene(), Picture(window=False)
    small, whole = picture.thumbnail(scene), picture.frame(scene)
    np.testing.assert_array_equal(env.render(), whole)
    assert (small.shape, small.dtype) == (whole.shape, whole.dtype)
    inked, coloured = (
        [np.count_nonzero((frame == colour).all(axis=2)) for frame in (small, whole)]
        for colour in ((40, 40, 40), colour_of(2, 5))
    )
    assert inked[0] < 0.5 * inked[1]  # text; outlines of bars remain
    assert coloured[0] > 2 * coloured[1]


def test_the_window_shows_the_same_picture(monkeypatch):
    import pygame

    env, other = played(render_mode="human"), played(render_mode="rgb_array")
    assert env.render() is None
    shown = np.swapaxes(pygame.surfarray.array3d(pygame.display.get_surface()), 0, 1)
    np.testing.assert_array_equal(shown, other.render())
    assert not env.closed
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    env.render()
    assert env.closed
    env.close()
    assert not pygame.display.get_init()
    env.close()
    assert env.render() is None  # opens a new one
    env.close()


def test_the_scene_is_the_games():
    env = edgeoffload_v0.parallel_env(num_users=6, render_mode="rgb_array")
    env.reset(seed=4)
    before = env.snapshot()
    targets = [0, 1, 2, 2, 5, 1]
    infos = env.step(dict(zip(env.agents, targets, strict=True)))[4]
    scene = scene_of(env.config, env._snapshot, 1, env._last, env.history)
    np.testing.assert_array_equal(scene.targets, targets)
    np.testing.assert_allclose(scene.delay_s, [info["delay_s"] for info in infos.values()])
    cycles = np.array([before["task_cycles"][[t == m for t in targets]].sum() for m in range(1, 6)])
    np.testing.assert_allclose(scene.arrived_s, cycles / before["server_hz"])
    np.testing.assert_allclose(scene.queue_s, env.snapshot()["backlog_cycles"] / before["server_hz"])
    np.testing.assert_allclose(path_gain(np.hypot(*scene.users_m.T)), before["channel_gain"])
    assert env.history.imbalance == [infos["user_0"]["imbalance"]]
    delays = [info["delay_s"] for info in infos.values()]
    np.testing.assert_allclose(env.history.utility, -np.mean(delays) - infos["user_0"]["imbalance"])


def test_shares_of_tasks_arrive_at_servers_in_the_picture():
    env = edgeoffload_v0.parallel_env(num_users=3, render_mode="ansi", levels={"offload_ratio": (0.25, 1.0)})
    env.reset(seed=4)
    before = env.snapshot()
    env.step(dict(zip(env.agents, [1, 2, 3], strict=True)))  # a quarter and all to server 1, a quarter to server 2
    scene = scene_of(env.config, env._snapshot, 1, env._last, env.history)
    np.testing.assert_array_equal(scene.targets, [1, 1, 2])
    cycles = [[0.25, 1.0, 0.0] @ before["task_cycles"], 0.25 * before["task_cycles"][2], 0.0, 0.0, 0.0]
    np.testing.assert_allclose(scene.arrived_s, cycles / before["server_hz"])
    heading = next(line for line in env.render().splitlines() if line.startswith("user"))
    assert {"tx_power (W)", "offload_ratio", "local (s)"} < set(re.split(r"\s{2,}", heading))


@pytest.mark.parametrize("metres", [35.0, 100.0, 5_000.0])
def test_distances_are_those_of_the_gains(metres):
    np.testing.assert_allclose(distance_of(path_gain(np.array([metres]))), [metres], rtol=1e-9)


@pytest.mark.parametrize("model", ["tr36814", "umi-nlos"])
def test_users_that_stand_still_are_at_the_distances_of_their_paths(model):
    """Whatever fading and shadowing do to their channels."""
    env = played(channel={"path_loss": model, "fading": "rayleigh", "shadowing_db": 6.0}, render_mode="rgb_array")
    plain = played(render_mode="rgb_array")
    scenes = [scene_of(e.config, e._snapshot, 3, e._last, e.history) for e in (env, plain)]
    np.testing.assert_allclose(*(scene.users_m for scene in scenes), rtol=1e-4)


@pytest.mark.parametrize("model", ["gauss-markov", "waypoint"])
def test_moving_users_are_drawn_where_they_are(model):
    env = played(mobility={"speed_mps": (30.0, 40.0), "model": model}, render_mode="rgb_array")
    frames, places = [], []
    for _ in range(2):
        scene = scene_of(env.config, env._snapshot, 3, env._last, env.history)
        np.testing.assert_array_equal(scene.users_m, env.snapshot()["position_m"])
        places.append(scene.users_m)
        x, y = np.rint(scene.users_m[0] * (225 / 250.0) + (280, 290)).astype(int)
        frames.append(env.render())
        assert tuple(frames[-1][y, x]) == colour_of(1, 5)
        env.step(dict.fromkeys(env.agents, 1))
    assert (np.linalg.norm(places[1] - places[0], axis=1) > 1.0).all()
    assert not np.array_equal(*frames)


def test_the_table_shows_links_and_positions_of_what_moves():
    fields = {"mobility": {"speed_mps": (8.0, 20.0)}, "channel": {"fading": "rayleigh"}}
    env = played(render_mode="ansi", **fields)
    heading, first = next(pair for pair in itertools.pairwise(env.render().splitlines()) if pair[0].startswith("user"))
    names, values = re.split(r"\s{2,}", heading), first.split()
    snapshot = env.snapshot()
    for name, expected in {
        "position_x (m)": snapshot["position_m"][0, 0],
        "velocity_y (m/s)": snapshot["velocity_mps"][0, 1],
        "mean_velocity_x (m/s)": snapshot["mean_velocity_mps"][0, 0],
        "channel_gain": snapshot["channel_gain"][0],
        "path_gain": snapshot["path_gain"][0],
        "shadow (dB)": 0.0,
    }.items():
        assert values[names.index(name)] == f"{expected:.4g}"
    assert "channel_gain" not in played(render_mode="ansi").render()


def test_pictures_change_no_game():
    drawn, plain = played(render_mode="rgb_array", slots=0), played(slots=0)
    for _ in range(5):
        drawn.render()
        actions = dict.fromkeys(plain.agents, 2)
        assert drawn.step(actions)[1] == plain.step(actions)[1]


def test_copies_and_pickles_draw_on():
    env = played(render_mode="rgb_array")
    frame = env.render()
    for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        np.testing.assert_array_equal(twin.render(), frame)
        twin.step(dict.fromkeys(twin.agents, 3))
        assert not np.array_equal(twin.render(), frame)
    np.testing.assert_array_equal(env.render(), frame)


@pytest.mark.parametrize(
    "fields",
    [
        {"num_users": 1, "server_hz": (1e9,)},
        {"num_users": 3_000},
        {"server_hz": tuple(1e10 + i for i in range(300))},
        {"cell_radius_m": 36.0, "min_distance_m": 35.0},
        {"server_hz": (1.0,) * 3, "task_cycles": (1e12, 1e12)},
    ],
    ids=str,
)
def test_every_game_can_be_drawn(fields):
    assert played(render_mode="rgb_array", **fields).render().any()


def test_a_new_episode_has_a_new_history():
    env = played(render_mode="rgb_array", max_cycles=3)
    assert len(env.history.mean_delay_s) == 3
    env.reset()
    assert env.history == History()
    assert played().history == History()  # nothing is kept where nothing is drawn


def test_without_pygame_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(ImportError, match=r"edgeoffload-env\[render\]"):
        edgeoffload_v0.parallel_env(render_mode="human")
    edgeoffload_v0.parallel_env(render_mode="ansi")
    env = edgeoffload_v0.parallel_env(render_mode="rgb_array")  # Stable-Baselines3 asks for it and never draws
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 1))
    with pytest.raises(ImportError, match=r"edgeoffload-env\[render\]"):
        env.render()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # imageio's reader of .mp4 leaves pipes
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(("ending", "slots"), [("gif", 5), ("mp4", None)])
def test_a_recording_has_a_frame_for_every_slot(ending, slots, tmp_path, capsys):
    import imageio.v3 as imageio

    path = tmp_path / f"episode.{ending}"
    arguments = ["play", "--scenario", "sparse", "--policy", "round-robin", "--record", str(path)]
    assert main(arguments + ([] if slots is None else ["--slots", str(slots)])) == 0
    assert "round-robin on sparse, seed 0: utility -" in capsys.readouterr().out
    frames = imageio.imread(path, index=None) if ending == "gif" else imageio.imread(path)
    assert frames.shape[0] == (slots or scenarios.configure("sparse").max_cycles) + 1
    assert frames.shape[1:] == (HEIGHT, WIDTH, 3)


def test_two_policies_side_by_side_play_the_same_game(tmp_path):
    import imageio.v3 as imageio

    config = scenarios.configure("sparse", max_cycles=4)
    path = tmp_path / "both.gif"
    utilities = play(["local", policies.make("local")], config, slots=2, record=path)
    assert utilities[0] == utilities[1]
    assert len(imageio.imread(path, index=None)) == 3
    frame = imageio.imread(path, index=0)
    assert frame.shape == (HEIGHT, 2 * WIDTH, 3)
    np.testing.assert_array_equal(frame[:, :WIDTH], frame[:, WIDTH:])


def test_pictures_side_by_side_share_their_axes(tmp_path, monkeypatch):
    drawn = []

    def frame(self, scene, scales=None):
        drawn.append((scales_of([scene]), scales))  # now: histories grow
        return np.zeros((HEIGHT, WIDTH, 3), np.uint8)

    monkeypatch.setattr(Picture, "frame", frame)
    config = scenarios.configure("urban", max_cycles=12)
    play(["nearest", "lookahead"], config, record=tmp_path / "both.gif")
    assert len(drawn) == 2 * (config.max_cycles + 1)
    for (left, shared), (right, same) in zip(drawn[::2], drawn[1::2], strict=True):
        assert shared == same == tuple(map(max, left, right))
    assert left.delay_s > 2 * right.delay_s
    assert left.imbalance > 2 * right.imbalance
    assert left.queue_s == config.deadline.range_s[1]  # nothing matters beyond
    assert right.queue_s < 0.5 * left.queue_s


def test_axes_follow_the_scales_and_text_has_room_below():
    env = played(render_mode="rgb_array", slots=6)
    scene, colour = env.scene(), colour_of(1, env.config.servers)
    longest = scales_of([scene])
    assert longest.queue_s > 0.5
    widths = []
    for factor in (1.0, 4.0):
        frame = Picture(window=False).frame(scene, longest._replace(queue_s=factor * longest.queue_s))
        widths.append(np.count_nonzero((frame[:, 600:] == colour).all(axis=2)))
        assert (frame[-12:] == frame[0, 0]).all()
    assert widths[1] < 0.6 * widths[0]


def test_the_window_goes_from_one_game_to_another():
    import pygame

    env = played(render_mode="human")
    twin = copy.deepcopy(env)
    twin.render()
    twin.close()
    env.render()  # opens it again
    assert pygame.display.get_init()
    env.close()


@pytest.mark.parametrize("display", [{}, {"DISPLAY": ":987"}])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_play_says_so_before_it_plays(display):
    environment = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
    del environment["SDL_VIDEODRIVER"]
    done = subprocess.run(
        [sys.executable, "-m", "edgeoffload_env", "play"],
        cwd=ROOT,
        env=environment | display,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    message = "there is no display to open a window on; write a recording with --record FILE, .html without any extra"
    *noise, line = done.stderr.splitlines()
    assert line == f"python -m edgeoffload_env: error: {message}"
    assert display or not noise  # of SDL, which tries the display


def test_a_window_is_as_fast_as_asked(monkeypatch):
    rates = []
    monkeypatch.setattr(Picture, "show", lambda self, scene, fps: rates.append(fps))
    play(["local"], scenarios.configure("sparse", max_cycles=2), fps=77)
    assert set(rates) == {77} or rates[1:] == [77, 77]


def test_a_closed_window_ends_the_play(monkeypatch):
    monkeypatch.setattr(Picture, "closed", True, raising=False)
    monkeypatch.setattr(
        Picture,
        "__setattr__",
        lambda self, name, value: None if name == "closed" else object.__setattr__(self, name, value),
    )
    (utility,) = play(["greedy"], scenarios.configure("sparse"), fps=1000)
    assert utility == 0.0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--policy", "no-such"],
        ["--policy", "local,nearest"],
        ["--scenario", "no-such"],
        ["--record", "episode.txt"],
        ["--fps", "0"],
        ["--seed", "-1"],
        ["--slots", "0"],
    ],
)
def test_play_refuses(arguments, capsys):
    assert main(["play", *arguments]) == 2
    assert re.search(r" must be .*, got |unknown ", capsys.readouterr().err)


def test_one_window_has_one_game():
    with pytest.raises(ValueError, match=r"the number of policies must be 1 .*, got 2"):
        play(["local", "nearest"], scenarios.configure("sparse"))
