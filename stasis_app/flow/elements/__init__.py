"""The element types, one file each. A new file is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from stasis_app.flow.element import Element


@cache
def element_types() -> Mapping[str, type[Element]]:
    """All element types by the name a plan calls them."""
    types: dict[str, type[Element]] = {}
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Element) and value.__module__ == module.__name__:
                types[value.kind] = value
    return dict(sorted(types.items()))
