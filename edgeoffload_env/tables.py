"""Tables of a game's declarations in Markdown, for documentation and terminals."""

from collections.abc import Iterable, Sequence

from edgeoffload_env.config import EdgeOffloadConfig


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned in the source too."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def snapshot_table(config: EdgeOffloadConfig) -> str:
    """Return the fields of a snapshot."""
    moving = {name for process in config.schema.moving for name in process.fields}
    rows = []
    for name, quantity in config.schema.snapshot.items():
        changes = "by actions" if quantity.queue else "every slot" if name in moving else "every episode"
        scope = f"{quantity.scope}: {', '.join(quantity.components)}" if quantity.components else quantity.scope
        rows.append((f"`{name}`", quantity.unit, scope, changes, quantity.text))
    return markdown_table(("field", "unit", "one for each", "changes", "description"), rows)


def info_table(config: EdgeOffloadConfig) -> str:
    """Return the fields of an info."""
    rows = [(f"`{q.name}`", q.unit, q.scope, q.type.__name__, q.text) for q in config.schema.infos.values()]
    return markdown_table(("info", "unit", "one for each", "type", "description"), rows)


def observation_table(config: EdgeOffloadConfig) -> str:
    """Return the columns of a user's observation."""
    rows = []
    columns = config.schema.slices
    for feature in config.schema.columns:
        where = columns[feature.name]
        number = str(where.start) if where.stop == where.start + 1 else f"{where.start} .. {where.stop - 1}"
        text = feature.text if feature.scope == "user" else f"{feature.text} 1 .. {config.servers}"
        rows.append((number, text, feature.formula, "-1", "1"))
    return markdown_table(("Num", "Observation", "Formula", "Min", "Max"), rows)


def reward_table(config: EdgeOffloadConfig) -> str:
    """Return the costs that make the reward and the utility."""
    rows = [(term.name, f"{term.weight(config):g}", term.text) for term in config.schema.reward_terms]
    return markdown_table(("cost", "weight in the reward", "description"), rows)


def metric_table(config: EdgeOffloadConfig) -> str:
    """Return the metrics of an evaluation."""
    return markdown_table(("metric", "description"), [(f"`{m.name}`", m.text) for m in config.schema.metrics])


def describe(config: EdgeOffloadConfig) -> str:
    """Return all tables of a game, each under its heading."""
    parts = {
        "Snapshot": snapshot_table(config),
        "Observation": observation_table(config),
        "Info": info_table(config),
        "Reward: minus the sum of weight times cost": reward_table(config),
        "Metrics": metric_table(config),
    }
    return "\n\n".join(f"## {heading}\n\n{table}" for heading, table in parts.items()) + "\n"
