"""Hyper-parameters as frozen dataclasses that validate their fields and can be set from the command line."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env._validation import check_choice, check_float, check_int, fail, fail_unknown


@dataclass(frozen=True)
class Range:
    """Bounds of a number in ``Annotated[float, Range(low, high)]``, both allowed."""

    low: float
    high: float


_OWN_NAMES = {
    "learning_rate": "lr",
    "batch_size": "train_batch_size_per_learner",
    "buffer_size": "replay_capacity",
    "discount": "gamma",
}
"""Names of other libraries, with the hyper-parameters that mean the same here."""
Count = Annotated[int, Range(1, 10**9)]
CountOrZero = Annotated[int, Range(0, 10**9)]
Fraction = Annotated[float, Range(0.0, 1.0)]
LearningRate = Annotated[float, Range(1e-9, 1.0)]
Weight = Annotated[float, Range(0.0, 1e3)]
Scale = Annotated[float, Range(1e-6, 1e6)]
LayerSizes = tuple[Annotated[int, Range(1, 10**5)], ...]


@dataclass(frozen=True, kw_only=True)
class ValidatedConfig:
    """A dataclass that validates each field against its annotation.

    Fields may be ``bool``, ``str``, ``Literal`` strings, ``Annotated`` ints and floats with a :class:`Range`, tuples of
    these, and any of them ``| None``.

    Raises:
        TypeError: a field of the wrong type, or an unknown field; the message names it.
        ValueError: a value out of bounds; the message names the field, the value and what is allowed.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        for field in dataclasses.fields(self):
            value = _validate(field.name, getattr(self, field.name), hints[field.name])
            object.__setattr__(self, field.name, value)

    def check_games(self, games: Mapping[str, EdgeOffloadConfig]) -> None:
        """Refuse games that the algorithm cannot be trained on; most take any.

        Args:
            games: the configurations of the games trained on, by the scenarios' names.

        Raises:
            ValueError: the message names the game, the value and what is allowed.
        """

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """Return an instance with some fields set, the others at their defaults."""
        names = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in names:
                if (own := _OWN_NAMES.get(name)) in names:
                    raise TypeError(f"unknown hyper-parameter {name!r}; it is called {own!r} here")
                fail_unknown("hyper-parameter", name, names, TypeError)
        return cls(**values)

    @classmethod
    def described(cls) -> list[tuple[str, Any, str]]:
        """Return each field's name, default and docstring, in order."""
        texts: dict[str, str] = {}
        for owner in reversed(cls.__mro__[: cls.__mro__.index(ValidatedConfig)]):
            tree = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
            assert isinstance(tree, ast.ClassDef)
            for statement, following in zip(tree.body, tree.body[1:], strict=False):
                if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr):
                    texts[ast.unparse(statement.target)] = " ".join(str(ast.literal_eval(following.value)).split())
        return [(field.name, field.default, texts[field.name]) for field in dataclasses.fields(cls)]


def _validate(name: str, value: Any, annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        if value is None:
            return None
        (annotation,) = (argument for argument in arguments if argument is not NoneType)
        return _validate(name, value, annotation)
    if annotation is bool:
        if not isinstance(value, bool):
            fail(name, value, "True or False", TypeError)
        return value
    if annotation is str:
        if not isinstance(value, str):
            fail(name, value, "a string", TypeError)
        return value
    if origin is Literal:
        return check_choice(name, value, arguments)
    if origin is tuple:
        if not isinstance(value, tuple | list) or not value:
            example = ("sparse", "urban") if arguments[0] is str else (64, 64)
            fail(name, value, f"a non-empty tuple such as {example}", TypeError)
        return tuple(_validate(name, item, arguments[0]) for item in value)
    if origin is Annotated and isinstance(bounds := arguments[1], Range):
        if arguments[0] is int:
            return check_int(name, value, int(bounds.low), int(bounds.high))
        return check_float(name, value, bounds.low, bounds.high)
    raise TypeError(f"{name!r} has the annotation {annotation!r}, which ValidatedConfig does not support")
