"""What is known by a name and can be added to: sharding types, compute kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

import numpy as np
from pydantic_core import PydanticKnownError, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

Entry = TypeVar("Entry", bound="Named")

_MOST = 127
"""Arrays of options hold codes as int8."""


class _Printer(Protocol):
    def text(self, text: str, /) -> object: ...


class Registry(Generic[Entry]):
    """Entries by name, and by code: the position, which arrays hold in their place.

    Whoever needs all entries asks here each time, so that one more is known everywhere at once.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def __getitem__(self, code: int) -> Entry:
        return self._entries[code]

    def index(self, entry: Entry) -> int:
        """The code of an entry. Raises ValueError where it is not known."""
        return self._entries.index(entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def add(self, entry: Entry) -> Entry:
        """Make an entry known, and return it. Raises ValueError where its name is taken."""
        if self.find(entry.name) or len(self._entries) == _MOST:
            raise ValueError(f"cannot add {entry}: the name is taken, or there are {_MOST} already")
        self._entries.append(entry)
        return entry

    def remove(self, entry: Entry) -> None:
        """Forget an entry, the last that was added: codes of all others stay. Raises ValueError."""
        if not self._entries or self._entries[-1] is not entry:
            raise ValueError(f"{entry} is not the last that was added")
        self._entries.pop()

    def find(self, name: str) -> Entry | None:
        """The entry of a name; None where there is none."""
        return next((entry for entry in self._entries if entry.name == name), None)

    def named(self, name: str) -> Entry:
        """The entry of a name. Raises KeyError where there is none."""
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        return found

    def codes(self, entries: Sequence[Entry]) -> NDArray[np.int8]:
        """(n,): the codes of n entries."""
        code = {entry: position for position, entry in enumerate(self._entries)}
        return np.array([code[entry] for entry in entries], dtype=np.int8)

    def each(self, trait: Callable[[Entry], object], codes: NDArray[np.integer]) -> NDArray[Any]:
        """(n,): a trait of the entries that n codes stand for."""
        found: NDArray[Any] = np.array([trait(entry) for entry in self._entries])[codes]
        return found


class Named:
    """What a registry holds: the only one of its name, and written as it, also by pydantic."""

    name: str

    @classmethod
    def registry(cls) -> Registry[Self]:
        """Where all of them are."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__

    def _repr_pretty_(self, printer: _Printer, cycle: bool) -> None:
        """For notebooks and hypothesis, which would print what the class has, all other entries."""
        printer.text(self.name)

    def __reduce__(self) -> tuple[Callable[[type[Named], str], Named], tuple[type[Named], str]]:
        """Copies are the entry itself."""
        return _entry, (type(self), self.name)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._parse,
            ref=f"{cls.__module__}.{cls.__qualname__}",
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        names = [entry.name for entry in cls.registry()]
        about = (cls.__doc__ or "").partition("\n\n")[0]
        return {"description": about, "enum": names, "title": cls.__name__, "type": "string"}

    @classmethod
    def _parse(cls, value: object) -> Self:
        found = value if isinstance(value, cls) else cls.registry().find(str(value))
        if found is None:
            *names, last = (repr(entry.name) for entry in cls.registry())
            raise PydanticKnownError("enum", {"expected": f"{', '.join(names)} or {last}"})
        return found


def _entry(kind: type[Named], name: str) -> Named:
    return kind.registry().named(name)
