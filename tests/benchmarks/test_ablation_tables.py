"""Tables of ablations, from rows with known results."""

import pytest

from benchmarks.analysis.ablation_tables import (
    equivariant_elsewhere,
    equivariant_parts,
    estimators,
    hyperparameters,
    one_for_all,
    sensitivity,
    slopes,
    smaller_rewards,
    steadiness,
)
from benchmarks.analysis.formatting import TABLES
from benchmarks.study.plan import SMALLEST, STEADINESS
from benchmarks.study.provenance import DRAWS
from tests.benchmarks.tables import MadeUp, curve_rows, final_rows


def test_smaller_rewards() -> None:
    rows = final_rows("dtomalb", "paper", [-12.5, -12.6, -12.7]) + final_rows("idql-tolb", "paper", [-12.3, -12.5])
    rows += final_rows("dtomalb", "paper", [-11.6, -11.4], variant=SMALLEST)
    rows += final_rows("idql-tolb", "paper", [-12.1, -12.1], variant=SMALLEST)
    rows += final_rows("dqn-tolb", "paper", [-12.1, -12.1], variant=SMALLEST)  # and none as it is
    body = smaller_rewards(MadeUp(final=rows)).to_numpy().tolist()
    assert [row[0] for row in body] == ["dtomalb", "idql-tolb"]
    assert body[0][1:4] == ["-12.60 (3 seeds)", "-11.50 (2 seeds)", "-11.60 to -11.40"]
    assert [row[4].split(",")[0] for row in body] == ["1.10", "0.30"]
    assert body[0][5:] == ["-", "-"]
    assert [text.split(",")[0] for text in body[1][5:]] == ["0.60", "0.90"]


def test_rows_of_other_random_streams_are_not_compared() -> None:
    """Their defaults were other ones, so that the difference would not be the variant's."""
    new = [row | {"draws": DRAWS} for row in final_rows("dtomalb", "paper", [-11.3, -11.4])]
    rows = new + final_rows("dtomalb", "paper", [-11.6, -11.5], variant=SMALLEST)
    rows += final_rows("dtomalb", "paper", [-11.6, -11.5], variant="discount 0.9")
    (row,) = smaller_rewards(MadeUp(final=rows)).to_numpy().tolist()
    assert row[4] == "-"
    found = hyperparameters(MadeUp(final=rows)).to_numpy().tolist()
    assert [(row[1], row[-1]) for row in found[:2]] == [("default", "-"), ("discount 0.9", "-")]
    alike = [row | {"draws": DRAWS} for row in rows]
    assert smaller_rewards(MadeUp(final=alike)).to_numpy().tolist()[0][4].startswith("-0.20")


def wandering(*sizes: float) -> list[list[float]]:
    return [[-12 + size * (-1) ** i for i in range(20)] for size in sizes]


def test_steadiness() -> None:
    first, second, *_ = STEADINESS
    rows = curve_rows("dtomalb", "paper", wandering(0.1, 0.1)) + curve_rows("idql-tolb", "paper", wandering(0.2, 0.2))
    rows += curve_rows("dtomalb", "paper", wandering(0.1, 0.4), first)
    rows += curve_rows("idql-tolb", "paper", wandering(0.6, 0.6), first)
    rows += curve_rows("dtomalb", "paper", wandering(0.1, 0.0), second)
    rows += curve_rows("idql-tolb", "paper", wandering(0.6, 0.6), second)
    ends = final_rows("dtomalb", "paper", [-12.0, -13.0]) + final_rows("idql-tolb", "paper", [-11.0, -12.0])
    for variant in (first, second):
        ends += final_rows("dtomalb", "paper", [-12.0, -13.0], variant=variant)
        ends += final_rows("idql-tolb", "paper", [-10.0, -11.0], variant=variant)
    body = steadiness(MadeUp(final=ends, curves=rows)).to_numpy().tolist()
    assert body[0][:4] == ["default", "idql-tolb", 2, "0.20 (0.20 to 0.20)"]
    assert body[0][4:] == ["-", "2.00, p 0.333", "-11.50 (-12.00 to -11.00)", "-"]
    assert body[2][3:5] == ["0.60 (0.60 to 0.60)", "3.00, p 0.333"]
    assert body[2][5].startswith("3.00, p ")
    assert body[2][7].startswith("1.00, p ")
    assert body[3][3] == "0.20 (0.10 to 0.40)"
    assert body[3][4].startswith("2.00, p ")
    assert body[4][5] == body[5][4] == "-"  # a run that does not move has no ratio
    assert body[5][3] == "0.00 (0.00 to 0.10)"


def test_estimators_and_parts_stand_beside_their_base() -> None:
    rows = final_rows("dtomalb", "paper", [-13.0, -13.2], variant="separate critic")
    rows += final_rows("dtomalb", "paper", [-11.4, -11.6], variant="per-action critic")
    rows += final_rows("dtomalb", "paper", [-11.0], variant="REINFORCE")  # one seed alone
    rows += final_rows("dtomalb-exact", "paper", [-11.2, -11.2], variant="exact gradient")
    rows += final_rows("dtomalb-equivariant", "paper", [-11.1, -11.3], variant="all parts")
    rows += final_rows("dtomalb-equivariant", "paper", [-20.1, -20.3], variant="without the ring")
    body = estimators(MadeUp(final=rows)).to_numpy().tolist()
    assert [row[:3] for row in body] == [
        ["per-action critic", 2, "-11.50"],
        ["separate critic", 2, "-13.10"],
        ["exact gradient", 2, "-11.20"],
    ]
    assert body[0][3] == "-11.60 to -11.40"
    assert [row[4].split(",")[0] for row in body] == ["1.60", "-", "1.90"]
    parts = equivariant_parts(MadeUp(final=rows)).to_numpy().tolist()
    assert [row[0] for row in parts] == ["all parts", "without the ring"]
    assert [row[4].split(",")[0] for row in parts] == ["-", "-9.00"]


def test_slopes_of_each_critic_stand_in_a_row() -> None:
    rows = [
        {"critic": critic, "seed": seed, "env_steps": 20_000, "agreement": share}
        for critic, shares in (("separate", (0.5, 0.7)), ("per-action", (1.0, 1.0)))
        for seed, share in enumerate(shares)
    ]
    assert slopes(MadeUp(slopes=rows)).to_numpy().tolist() == [
        ["`separate`", 2, "20,000", "60 %", "50 % to 70 %"],
        ["`per-action`", 2, "20,000", "100 %", "100 % to 100 %"],
    ]


def test_games_of_other_sizes_stand_below_the_one_trained_on() -> None:
    name = "dtomalb-equivariant"
    trained = {"algorithm": name, "scenario": "paper", "num_users": 10, "variant": "", "episodes": 320}
    played = [
        trained | {"seed": seed, "game": game, "utility": utility}
        for game, utilities in {"sparse": (-6.5, -6.7), "component failure": (-22.0, -23.0)}.items()
        for seed, utility in enumerate(utilities)
    ]
    entry = {"policy": "greedy", "scenario": "sparse", "utility": -6.678}
    results = MadeUp(final=final_rows(name, "paper", [-11.1, -11.3]), generalization=played, leaderboard=[entry])
    assert equivariant_elsewhere(results).to_numpy().tolist() == [
        ["`paper`", 10, 5, 2, "-11.20", "-11.30 to -11.10", "-", "-", "-"],
        ["`sparse`", 5, 5, 2, "-6.60", "-6.70 to -6.50", "-", "-6.68", "-"],
    ]


def test_one_network_for_all_stands_beside_those_for_one() -> None:
    name, several = "dtomalb-equivariant", "15 scenarios"
    trained = {"algorithm": name, "scenario": "paper", "num_users": 10, "variant": several, "episodes": 320}
    played = [
        trained | {"seed": seed, "game": game, "utility": -9.0, "score": score}
        for game, scores in {"urban": (0.91, 0.93), "held-out-urban": (0.5, 0.5)}.items()
        for seed, score in enumerate(scores)
    ]
    final = final_rows(name, "paper", [-11.4, -11.5], variant=several) + final_rows(name, "paper", [-11.1, -11.3])
    final += final_rows(name, "urban", [-13.0, -14.0])
    entry = {"policy": "greedy", "scenario": "urban", "score": 0.938}
    rows = one_for_all(MadeUp(final=final, generalization=played, leaderboard=[entry])).to_numpy().tolist()
    assert [row[:4] for row in rows] == [["`paper`", 10, 5, 2], ["`urban`", 30, 5, 2]]
    assert rows[1][4:6] == ["0.920", "0.910 to 0.930"]
    assert rows[1][7:] == ["-", "0.938", "-"]
    assert float(rows[0][4]) < float(rows[0][6])


@pytest.mark.parametrize("name", [name for name, made in TABLES.items() if made.__module__ == sensitivity.__module__])
def test_without_rows_there_is_only_a_head(name: str) -> None:
    made = TABLES[name](MadeUp())
    assert len(made.columns) >= 5
    assert made.empty
