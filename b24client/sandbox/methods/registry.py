"""What a REST method is to the sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from b24client.sandbox.access import Visitor
from b24client.sandbox.state import Sandbox
from b24client.sandbox.wire import Params


@dataclass(slots=True)
class Context:
    """A request being carried out. `call_id`: which call it turned out to be about."""

    sandbox: Sandbox
    visitor: Visitor
    params: Params
    base: str
    in_batch: bool = False
    call_id: str = ""


Handler = Callable[[Context], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method, the scopes one of which it needs (none: everybody may), and whether it is an application's own."""

    name: str
    scopes: frozenset[str]
    app_only: bool
    run: Handler


REGISTRY: dict[str, Method] = {}
"""All methods by lower-case name."""


def method(name: str, *scopes: str, app_only: bool = False) -> Callable[[Handler], Handler]:
    """Register the decorated function as a REST method."""

    def register(run: Handler) -> Handler:
        REGISTRY[name.lower()] = Method(name, frozenset(scopes), app_only, run)
        return run

    return register
