"""State machine: random sequences of calls on any view of any configuration, checked against the oracle.

A twin view skips every call that must not change anything: refused calls, pictures, closing, copies. Both must stay
equal to the last bit.
"""

import collections
import copy
import pickle
import re
from typing import Any, ClassVar

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.drivers import CentralDriver, ParallelDriver, Snapshot, VectorDriver
from tests.fuzz import compare, strategies
from tests.fuzz.turns import TurnsDriver
from tests.helpers import assert_radio, assert_same, lasting

_MOST_PICTURES = 2  # in one sequence: each takes as long as many slots


SINGLES: dict[str, Any] = {"parallel": ParallelDriver, "aec": TurnsDriver, "central": CentralDriver}
VECTORS = ("numpy-float64", "numpy-float32", "torch-float64", "torch-float32")
KINDS = (*SINGLES, *VECTORS)
REFUSED = (TypeError, ValueError)


class Calls(RuleBasedStateMachine):
    """One view and its twin.

    Attributes:
        kind: the view, one of ``KINDS``; set by :func:`machine_of`.
        seen: counts of comparisons and refusals over all sequences.
    """

    kind = "parallel"
    seen: ClassVar[collections.Counter[str]] = collections.Counter()

    def __init__(self) -> None:
        super().__init__()
        self.view: Any = None
        self.started = self.over = False
        self.slot, self.pictures = 0, 0
        self.kept: Snapshot | None = None

    @initialize(
        config=strategies.configs(),
        batch=st.integers(1, 4),
        mode=st.sampled_from(["ansi", "ansi", "ansi", "ansi", "rgb_array"]),
        seed=st.integers(0, 2**32),
        starts=st.sampled_from([True, True, True, False]),
    )
    def make(self, config: Any, batch: int, mode: str, seed: int, starts: bool) -> None:
        self.config, self.mode = config, mode
        self.eps = compare.FLOAT32_EPS if self.kind.endswith("float32") else compare.FLOAT64_EPS
        if self.kind in SINGLES:
            self.view, self.twin = (SINGLES[self.kind](config, render_mode=mode) for _ in range(2))
        else:
            backend, dtype = self.kind.split("-")
            self.view, self.twin = (VectorDriver(config, batch, backend=backend, dtype=dtype) for _ in range(2))
        if starts:
            self.reset(seed)

    @property
    def running(self) -> bool:
        return self.started and not self.over

    @rule(seed=st.one_of(st.none(), st.integers(0, 2**128)))
    def reset(self, seed: int | None) -> None:
        if seed is None and not self.started:
            seed = 0  # an unseeded start is as random as the system
        observation = self.view.reset(seed=seed)
        assert_same(self.twin.reset(seed=seed), observation)
        snapshot = self.view.snapshot()
        compare.assert_fresh(snapshot, self.config, self.eps)
        compare.assert_seen(observation, self.view.state(), snapshot, self.config, self.eps)
        self._begins(0, "reset")
        self.kept = self.kept or snapshot

    @precondition(lambda self: self.started)
    @rule()
    def keep(self) -> None:
        if self.running:
            self.kept = self.view.snapshot()
        raw = self.view.env.snapshot() if hasattr(self.view.env, "snapshot") else self.view.env.unwrapped.snapshot()
        for values in raw.values():
            if hasattr(values, "shape"):
                values[...] = 1  # a copy, which is the caller's to write to

    @precondition(lambda self: self.kept is not None)
    @rule(seed=st.integers(0, 2**64), data=st.data(), odd=st.sampled_from([False, False, True]))
    def restore(self, seed: int, data: st.DataObject, odd: bool) -> None:
        given = data.draw(strategies.odd_snapshots(self.kept)) if odd else self.kept
        if odd:
            before, refused = self._all(ahead=True), ""
            try:
                self.view.reset(seed=seed, snapshot=given)
            except ValueError as error:
                refused = str(error)
            if refused:
                assert re.search("|".join(given), refused), refused
                assert_same(self._all(ahead=True), before)
                self.seen["refused odd snapshot"] += 1
                return
        observation = self.view.reset(seed=seed, snapshot=given)
        assert_same(self.twin.reset(seed=seed, snapshot=given), observation)
        snapshot = self.view.snapshot()
        for name, values in given.items():
            compare.assert_within(snapshot[name], values, self.eps * abs(np.asarray(values, dtype=float)), name)
        compare.assert_seen(observation, self.view.state(), snapshot, self.config, self.eps)
        self._begins(int(given["slot"][0]), "odd snapshot" if odd else "snapshot")

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        self._play(data.draw(strategies.actions(self.config, self.view.batch)))

    @precondition(lambda self: self.started)
    @rule(seed=st.integers(0, 2**32), slots=st.integers(3, 10))
    def steps(self, seed: int, slots: int) -> None:
        rng = np.random.default_rng(seed)
        shape = (self.view.batch, self.config.num_users)
        for _ in range(slots):
            if self.over:
                self.reset(None)
            self._play(rng.integers(0, strategies.last_action(self.config) + 1, shape))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def step_refused(self, data: st.DataObject) -> None:
        if self.kind == "aec":
            agent = self.view.env.agent_selection
            bad = strategies.Bad(data.draw(strategies.bad_action(strategies.last_action(self.config))), rf"{agent}\b")
        elif self.kind in VECTORS:
            bad = data.draw(strategies.bad_batch_actions(self.config, self.view.batch))
        else:
            make = strategies.bad_central_actions if self.kind == "central" else strategies.bad_named_actions
            bad = data.draw(make(self.config))
        self._refuses(bad.message, "step", self.view.env.step, bad.value)

    @precondition(lambda self: self.view is not None and not self.running)
    @rule()
    def step_out_of_turn(self) -> None:
        good: Any = np.zeros((self.view.batch, self.config.num_users), dtype=int)
        if self.kind == "parallel":
            good = dict.fromkeys(self.view.env.possible_agents, 0)
        elif self.kind == "central":
            good = good[0]
        elif self.kind == "aec":
            good = 0
        self._refuses(r"step\(\)|is over", "step out of turn", self.view.env.step, good)

    @precondition(lambda self: self.view is not None and not self.started)
    @rule()
    def call_before_reset(self) -> None:
        env = self.view.env if self.kind in VECTORS else self.view.env.unwrapped
        for name in ("snapshot", "state", "render"):
            if hasattr(env, name):
                self._refuses(r"needs a reset\(\) first", "call before reset", getattr(env, name))

    @precondition(lambda self: self.kind == "aec" and self.over)
    @rule(count=st.integers(1, 80))
    def step_dead_agents(self, count: int) -> None:
        for _ in range(min(count, len(self.view.env.agents))):
            for one in (self.view, self.twin):
                assert one.env.last()[2:4] == (False, True)
                one.env.step(None)

    @precondition(lambda self: self.kind == "aec" and self.running)
    @rule(data=st.data())
    def turns(self, data: st.DataObject) -> None:
        left = self.config.num_users - len(self.view.taken) - 1
        before = self.view.snapshot()
        for action in data.draw(st.lists(st.integers(0, strategies.last_action(self.config)), max_size=min(left, 5))):
            for one in (self.view, self.twin):
                one.turn(action)
        assert_same(self.view.snapshot(), before)

    @precondition(lambda self: self.view is not None)
    @rule(bad=strategies.bad_seeds())
    def seed_refused(self, bad: strategies.Bad) -> None:
        self._refuses(bad.message, "seed", self.view.reset, seed=bad.value)

    @precondition(lambda self: self.view is not None)
    @rule(options=st.sampled_from([[1], "snapshot", 3, True, {"snapshot": 3}, {"snapshot": [1, 2]}]))
    def options_refused(self, options: Any) -> None:
        self._refuses("^options", "options", self.view.env.reset, seed=1, options=options)

    @precondition(lambda self: self.kept is not None)
    @rule(data=st.data(), seed=st.integers(0, 9))
    def snapshot_refused(self, data: st.DataObject, seed: int) -> None:
        bad = data.draw(strategies.bad_snapshots(self.kept, self.config.max_cycles))
        self._refuses(bad.message, "snapshot", self.view.reset, seed=seed, snapshot=bad.value)

    @precondition(lambda self: self.started and self.kind in SINGLES and self.pictures < _MOST_PICTURES)
    @rule()
    def render(self) -> None:
        shown = self.view.env.render()
        if self.mode == "ansi":
            assert f"slot {self.slot}\n" in shown
        else:
            self.pictures += 1
            assert shown.dtype == np.uint8
            assert shown.ndim == 3
            assert len(np.unique(shown)) > 1
        self.seen[self.mode] += 1

    @precondition(lambda self: self.view is not None)
    @rule()
    def close(self) -> None:
        self.view.env.close()
        self.seen["close"] += 1

    @precondition(lambda self: self.view is not None)
    @rule(pickled=st.booleans(), seed=st.integers(0, 9))
    def duplicate(self, pickled: bool, seed: int) -> None:
        original = self.view
        self.view = pickle.loads(pickle.dumps(original)) if pickled else copy.deepcopy(original)
        if self.started:
            original.reset(seed=seed)  # nothing of it is shared
            original.step(np.zeros((original.batch, self.config.num_users), dtype=int))
        self.seen["pickle" if pickled else "copy"] += 1

    @invariant()
    def alike(self) -> None:
        if self.view is not None:
            assert_same(self._all(), self._all(self.twin))

    def _all(self, view: Any = None, *, ahead: bool = False) -> Any:
        """Return everything a view shows without changing it; with ``ahead`` also the next episode of its stream."""
        view = view or self.view
        env = view.env
        shown: dict[str, Any] = {} if not self.started else {"snapshot": view.snapshot(), "state": view.state()}
        if self.kind == "parallel":
            shown["agents"] = env.agents
        elif self.kind == "aec" and self.started:
            for name in ("agents", "agent_selection", "rewards", "infos", "truncations", "terminations"):
                shown[name] = copy.deepcopy(getattr(env, name))
            shown["last"] = env.last() if env.agents else None
        if ahead and self.started:
            future = copy.deepcopy(view)
            future.reset()
            shown["ahead"] = future.snapshot()
        return shown

    def _begins(self, slot: int, how: str) -> None:
        self.started, self.over, self.slot = True, False, slot
        self.seen[how] += 1

    def _play(self, actions: np.ndarray) -> None:
        taken = getattr(self.view, "taken", [])
        actions[0, : len(taken)] = taken
        before = self.view.snapshot()
        played = self.view.step(actions)
        assert_same(self.twin.step(actions)._asdict(), played._asdict())
        self.seen["compared"] += compare.assert_slot(played, before, actions, self.config, self.eps)
        self.seen["played"] += len(actions)
        self.slot += 1
        last = self.slot == self.config.max_cycles
        assert (played.truncated == last).all()
        assert played.restarted == (last and self.kind in VECTORS)
        if played.restarted:
            self.slot = 0
            compare.assert_fresh(played.after, self.config, self.eps)
        else:
            compare.assert_tasks(played.after, self.config, self.eps)
            self.over = last
            for name in lasting(self.config):
                assert_same(played.after[name], before[name])
            assert_radio(played.after, before, self.config, 64.0 * self.eps)
        assert (played.after["slot"] == self.slot).all()
        compare.assert_seen(played.observation, played.state, played.after, self.config, self.eps)

    def _refuses(self, message: str, what: str, call: Any, *arguments: Any, **options: Any) -> None:
        before = self._all(ahead=True)
        with pytest.raises(REFUSED, match=re.compile(message, re.DOTALL)):
            call(*arguments, **options)
        assert_same(self._all(ahead=True), before)
        self.seen[f"refused {what}"] += 1


def machine_of(view: str) -> type[Calls]:
    """The machine for one view."""
    return type("Calls", (Calls,), {"kind": view, "seen": collections.Counter()})


def describe(counts: collections.Counter[str]) -> str:
    """Counts as one line."""
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
