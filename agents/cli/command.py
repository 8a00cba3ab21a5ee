"""The base class of commands: modules of the user's own are imported first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

REGISTRY = ConstructorRegistry()


@dataclass(frozen=True, kw_only=True)
class Command:
    """The base of all commands."""

    imports: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(name="import")] = ()
    """A module of your own to import first, which registers strokes, actors, ...; may be repeated."""


@REGISTRY.primitive_rule
def optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Parse ``int | None`` as a number: its help and its errors do not name None."""
    kinds = [kind for kind in get_args(info.type) if kind is not NoneType]
    if get_origin(info.type) not in (Union, UnionType) or len(kinds) != 1:
        return None
    spec = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(kinds[0], set(info.markers)))
    if not isinstance(spec, PrimitiveConstructorSpec):
        return None

    def is_instance(value: Any) -> bool | Any:
        return value is None or spec.is_instance(value)

    def text(value: Any) -> list[str]:
        return ["none"] if value is None else spec.str_from_instance(value)

    return replace(spec, is_instance=is_instance, str_from_instance=text)


def inputs_first(arguments: Sequence[str]) -> list[str]:
    """Arguments with the files that follow the numbers of ``--strokes`` in front, where tyro takes them."""
    rest = list(arguments)
    start = rest.index("--strokes") + 1 if "--strokes" in rest else len(rest)
    end = next((i for i in range(start, len(rest)) if not rest[i].isdigit()), len(rest))
    stop = next((i for i in range(end, len(rest)) if rest[i].startswith("-") and rest[i] != "-"), len(rest))
    return rest if end == start else [*rest[end:stop], *rest[:end], *rest[stop:]]
