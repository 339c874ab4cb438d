"""The measured agreement of DTOMALB's critics' slopes with their values."""

import re

import pandas as pd
import torch

from benchmarks.study import slopes
from recipes.algorithms import dtomalb
from recipes.joint.transitions import TransitionBatch
from recipes.networks.critics import PerActionCritics, StateCritics
from recipes.networks.sizes import GameSizes
from tests.benchmarks.test_published import RESULTS


def test_slopes_of_a_critic_that_is_linear_in_the_own_action_agree_and_others_need_not() -> None:
    sizes, generator = GameSizes(3, 4, 2, 6), torch.Generator().manual_seed(0)
    state = torch.randn(200, 6, generator=generator)
    actions = torch.randint(4, (200, 3), generator=generator)
    batch = TransitionBatch(state, state, actions, state, state, state, state)
    own = torch.nn.functional.one_hot(torch.randint(4, (3, 200), generator=generator), 4).float()
    linear = PerActionCritics(sizes, (16,), generator=generator)
    assert slopes.agreement(linear, batch, own) == 1.0
    curved = StateCritics(sizes, (16, 16), shared=False, generator=generator)
    with torch.no_grad():
        for parameter in curved.parameters():
            parameter.mul_(4.0)
    assert 0.3 < slopes.agreement(curved, batch, own) < 0.9


def test_the_page_says_what_was_measured() -> None:
    table = pd.read_csv(RESULTS / slopes.FILE)
    assert set(table["critic"]) == set(slopes.CRITICS)
    shares = 100 * table.groupby("critic")["agreement"].agg(["min", "max"])
    low, high = shares.loc["separate"]
    text = re.sub(r"\s+", " ", dtomalb.__doc__ or "")
    assert f"points to the best of the others in {low:.0f} to {high:.0f} %" in text
    assert (table.loc[table["critic"] == "per-action", "agreement"] == 1.0).all()
