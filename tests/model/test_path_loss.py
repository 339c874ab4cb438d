"""Path loss against TR 38.901 as another package has transcribed it, and by hand."""

import math
import re

import array_api_compat.torch as torch_xp
import numpy as np
import pytest
from tr3gpp import tr38901

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env.model import path_loss
from tests import oracle_radio

ENTRIES = {"umi": "UMi-StreetCanyon", "uma": "UMa"}
DISTANCES_M = [10.0, 35.0, 119.9, 120.0, 120.1, 250.0, 319.9, 320.0, 320.1, 1000.0, 5000.0]
STATION_M = {"umi": 10.0, "uma": 25.0}


def formula(source: str, name: str) -> str:
    """The Python expression of one of the formulas in an entry's LaTeX."""
    (found,) = re.findall(rf"(?:^|\\quad ){re.escape(name)} = ([^;]+)(?:;|$)", source)
    for latex, python in {
        r"\log_{10}": "*log10",
        "d_{3D}": "d_3d",
        "f_c": "ghz",
        "(d'_{BP})": "(d_bp)",
        "h_{BS}": "h_bs",
        "h_{UT}": "h_ut",
        "^2": "**2",
    }.items():
        found = found.replace(latex, python)
    return re.sub(r"(\d)\((?=h_)", r"\1*(", found)


def standard_db(distance_m: float, model: str) -> float:
    """The loss by the formulas of the standard, at 2 GHz and a user height of 1.5 m."""
    area = model[:3]
    h_bs, h_ut, ghz = STATION_M[area], 1.5, 2.0
    d_bp = 4.0 * (h_bs - 1.0) * (h_ut - 1.0) * ghz * 1e9 / 3.0e8  # note 1 of the table
    names = {
        "d_3d": math.sqrt(distance_m**2 + (h_bs - h_ut) ** 2),
        "d_bp": d_bp,
        "h_bs": h_bs,
        "h_ut": h_ut,
        "ghz": ghz,
        "log10": math.log10,
    }
    section = tr38901.section("7.4")
    sight = section.pathloss(scenario=ENTRIES[area], condition="LOS").formula
    loss_db: float = eval(formula(sight, "PL_1" if distance_m <= d_bp else "PL_2"), names)
    if model.endswith("nlos"):
        blocked = section.pathloss(scenario=ENTRIES[area], condition="NLOS").formula
        short = {"umi": "UMi", "uma": "UMa"}[area]
        loss_db = max(loss_db, eval(formula(blocked, f"PL'_{{{short}-NLOS}}"), names))
    return loss_db


@pytest.mark.parametrize("model", path_loss.MODELS[1:])
@pytest.mark.parametrize("distance_m", DISTANCES_M)
def test_the_standards_formulas(model, distance_m):
    gain = path_loss.path_gain(np.array([distance_m]), model, xp=np)
    assert -10.0 * np.log10(gain[0]) == pytest.approx(standard_db(distance_m, model), rel=1e-13)


def test_breakpoints_and_losses_by_hand():
    """4 x 9 m x 0.5 m and 4 x 24 m x 0.5 m over a wavelength of 0.15 m; users are 8.5 m and 23.5 m lower."""
    assert path_loss.UMI.breakpoint_m == pytest.approx(120.0)
    assert path_loss.UMA.breakpoint_m == pytest.approx(320.0)
    for street, climb_m in ((path_loss.UMI, 8.5), (path_loss.UMA, 23.5)):
        assert street.climb_m2 == climb_m**2
    sight = path_loss.street_loss_db(np.array([100.0]), path_loss.UMA, blocked=False, xp=np)
    assert sight == pytest.approx(28.0 + 11.0 * math.log10(100.0**2 + 23.5**2) + 10.0 * math.log10(4.0))


@pytest.mark.parametrize("model", path_loss.MODELS)
def test_the_oracle_and_single_precision(model):
    distances_m = np.geomspace(0.1, 1e5, 400)
    expected_db = [oracle_radio.path_loss_db(at_m, model) for at_m in distances_m.tolist()]
    for gain, accuracy in (
        (path_loss.path_gain(distances_m, model, xp=np), 1e-12),
        (path_loss.path_gain(distances_m.astype(np.float32), model, xp=np), 1e-5),
        (path_loss.path_gain(torch_xp.asarray(distances_m, dtype=torch_xp.float32), model, xp=torch_xp), 1e-5),
    ):
        np.testing.assert_allclose(gain, 10.0 ** (np.array(expected_db) / -10.0), rtol=accuracy)
        assert (np.diff(np.asarray(gain)) <= 0.0).all()


def test_the_breakpoint_is_no_step():
    for street in (path_loss.UMI, path_loss.UMA):
        around_m = street.breakpoint_m * np.array([1.0 - 1e-9, 1.0 + 1e-9])
        assert np.ptp(path_loss.street_loss_db(around_m, street, blocked=False, xp=np)) < 1e-6


@pytest.mark.parametrize("distance_m", [0.1, 35.0, 250.0, 1e6])
def test_distances_are_those_of_the_gains(distance_m):
    gain = path_loss.path_gain(np.array([distance_m]), "tr36814", xp=np)
    np.testing.assert_allclose(path_loss.distance_m(gain), [distance_m], rtol=1e-12)


@pytest.mark.parametrize("model", path_loss.MODELS)
def test_the_link_column_spans_the_models_gains(model):
    config = EdgeOffloadConfig(channel={"path_loss": model, "fading": "rayleigh"})
    edge, near = path_loss.path_gain_bounds(config)
    assert edge == pytest.approx(oracle_radio.path_gain(config.cell_radius_m, config), rel=1e-12)
    assert near == pytest.approx(oracle_radio.path_gain(config.min_distance_m, config), rel=1e-12)
    least, most = config.gain_bounds
    assert least == pytest.approx(1e-3 * edge)
    assert most > near
