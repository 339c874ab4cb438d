"""Sequences of calls on every view, the same ones at every run; ``python -m tests.fuzz`` goes on with others."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fuzz import strategies
from tests.fuzz.machine import KINDS, SINGLES, machine_of

QUICK = settings(stateful_step_count=20, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", KINDS)
def test_any_sequence_of_calls(kind):
    machine = machine_of(kind)
    # Single games have calls that the others lack; torch takes many times as long for small arrays
    examples = 75 if kind in SINGLES else 20 if kind.startswith("torch") else 40
    run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=examples))
    seen = machine.seen
    # in full, which not every slot can be; what share of them hangs on what is drawn, constants of the code included
    assert seen["compared"] >= 80, seen
    happened = {"reset", "snapshot", "copy", "pickle", "close", "refused step", "refused seed", "refused snapshot"}
    if kind in SINGLES:
        happened |= {"ansi", "refused step out of turn"}
    assert happened <= set(seen), seen


@given(fields=strategies.fields())
def test_any_configuration_is_taken_or_refused_by_name(fields):
    strategies.accepted(fields)
