import pytest

from benchmarks.speed.timing import Timing, rates, ratios, spread, take_turns


class Clock:
    """Time that passes only when somebody works."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.turns: list[str] = []

    def __call__(self) -> float:
        return self.now_s

    def worker(self, name: str, step_s: float) -> object:
        def steps(count: int) -> None:
            self.turns.append(name)
            self.now_s += count * step_s

        return steps


def test_contestants_take_turns_and_their_steps_are_timed() -> None:
    clock = Clock()
    step_s = {"quick": 0.001, "slow": 0.25, "very slow": 40.0}
    contestants = {name: clock.worker(name, seconds) for name, seconds in step_s.items()}
    seconds = take_turns(contestants, Timing(rounds=6, turn_s=2.0, clock=clock))
    for name, expected in step_s.items():
        assert seconds[name] == pytest.approx([expected] * 6)
    rounds = [clock.turns[-18:][i : i + 3] for i in range(0, 18, 3)]
    assert all(sorted(names) == sorted(step_s) for names in rounds)
    assert [names[0] for names in rounds] == ["quick", "slow", "very slow"] * 2


def test_a_turn_is_about_as_long_as_asked() -> None:
    clock = Clock()
    take_turns({"a": clock.worker("a", 0.003)}, Timing(rounds=1, turn_s=0.5, clock=clock))
    before_last = clock.now_s
    take_turns({"a": clock.worker("a", 0.003)}, Timing(rounds=2, turn_s=0.5, clock=clock))
    assert clock.now_s - 2 * before_last == pytest.approx(0.5, abs=0.003)


def test_ratios_are_of_the_same_round() -> None:
    assert ratios([2.0, 40.0, 9.0], [1.0, 10.0, 3.0]) == {"median": 3.0, "quartiles": [2.5, 3.5]}


def test_rates_count_what_a_step_holds() -> None:
    assert rates(10, {"a": [0.5, 0.5]}) == {"a": {"median": 20.0, "quartiles": [20.0, 20.0]}}


def test_a_spread_is_the_middle_half() -> None:
    assert spread([5.0, 1.0, 2.0, 3.0, 4.0]) == {"median": 3.0, "quartiles": [2.0, 4.0]}
