"""Structs that hold secrets and never show them, whoever prints them."""

from typing import ClassVar

import msgspec


class Discreet(msgspec.Struct, frozen=True, kw_only=True):
    """Shows only the fields that its class names in `shown`."""

    shown: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"

    # What pretty printers ask; msgspec's own would give all fields.
    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [(name, getattr(self, name)) for name in self.shown]
