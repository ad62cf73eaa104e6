"""Files bent as a file is bent by hands, by programs and by bad disks: deterministic, by a seed.

Values are changed where they stand in the structure, then written as JSON or YAML with what only a
text can hold (``NaN``, numbers of a thousand digits, tags), then as bytes of some encoding.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

LIMITS: tuple[Any, ...] = (
    0, -1, 1, 2, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**18,
    10**30, 0.1, 1.5, -0.0, 5e-324, 1e-310, 1e-9, 1e9, 1e18, 1e100, 1.7e308, 1 - 2**-53,
)  # fmt: skip
"""Numbers at which arithmetic of some width goes wrong."""

WORDS: tuple[str, ...] = (
    "", " ", "\t", "\n", "0", "-0", "٣", "１２", "rank:٣/cuda:0", "rank:1_0/cuda:0",
    "rank:+1/cuda:1",
    "rank:01/cuda:1", "rank:0/cuda:0\n", "row_wise ", "ROW_WISE", "fused\u200b", "\u202etxt.nalp",
    "\x1b[2J\x1b]0;x\x07", "\x9b31m", "\x00", "\ud800", "\ufeff", "\u2028", "é",
    "e\u0301", "🙂" * 9,
    "a" * 300, "x" * 100_000, "*", "**", "[", "[!a]", "t*" * 40, "?" * 60, "../../etc/passwd",
    "/dev/zero", "/", "~", "${HOME}", "%s%n", "<script>", "null", "true", "nan", "inf", "1e999",
    "80GiB", "80 GiB", "1e3GiB", "-1GiB", "1ZiB", "5us", "1/0", "100%", "-1%", "1e9%",
    "0x10", "__proto__",
)  # fmt: skip
"""Text that some reader takes for something else."""

RAW: tuple[str, ...] = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 400, "9" * 5000,
    "0" * 30 + "1", "1_000",
    "0x1F", "0o17", "+1", ".5", "5.", "1e", "--1", "'", '"', "undefined", "None", ".nan",
    ".inf", "010",
)  # fmt: skip
"""Tokens that are no JSON, or that readers of YAML disagree about."""

_MARK = "raw-token-{}-"


class Mutator:
    """Bends values and texts by the random numbers of one seed."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def value(self, root: Any, changes: int | None = None) -> Any:
        """A copy of plain values with one to four changes."""
        found = copy.deepcopy(root)
        for _ in range(changes or self.rng.choice((1, 1, 1, 2, 4))):
            holder, key = self._place(found)
            if holder is None:
                return self._odd()
            self.rng.choice(self._CHANGES)(self, found, holder, key)
        return found

    def text_of(self, value: Any) -> str:
        """The value as JSON, as YAML, or as YAML in blocks, with raw tokens where it has marks."""
        kind = self.rng.randrange(4)
        try:
            if kind < 2:
                text = json.dumps(value, indent=kind or None, ensure_ascii=self.rng.random() < 0.5)
            else:
                text = yaml.safe_dump(value, default_flow_style=kind == 2, sort_keys=False)
        except (ValueError, RecursionError, yaml.YAMLError):
            text = json.dumps(value, default=str) if kind == 0 else "{}"
        for number, token in enumerate(RAW):
            mark = _MARK.format(number)
            text = text.replace(f'"{mark}"', token).replace(mark, token)
        return text

    def text(self, text: str) -> str:
        """Text with some of it lost, doubled, moved or replaced by what steers a parser."""
        for _ in range(self.rng.choice((1, 1, 2))):
            text = self.rng.choice(self._TEXT_CHANGES)(self, text)
        return text

    def encoded(self, text: str) -> bytes:
        """Mostly UTF-8; else what other programs write, or a file that a disk has damaged."""
        kind = self.rng.randrange(40)
        if kind == 0:
            return text.encode("utf-16", "surrogatepass")
        if kind == 1:
            return text.encode("utf-32", "surrogatepass")
        if kind == 2:
            return text.encode("latin-1", "replace") + b"\xe9\xff"
        data = text.encode("utf-8", "surrogatepass")
        if kind == 3:
            return b"\xef\xbb\xbf" + data
        if kind == 4:
            return data[: self.rng.randrange(len(data) + 1)]
        if kind == 5 and data:
            at = self.rng.randrange(len(data))
            return data[:at] + bytes([data[at] ^ 1 << self.rng.randrange(8)]) + data[at + 1 :]
        return data

    # -- places -------------------------------------------------------------------------------

    def _place(self, root: Any) -> tuple[Any, Any]:
        """A container and a key of it: any of those in the structure, each as likely."""
        places = []
        stack = [root]
        while stack:
            here = stack.pop()
            if isinstance(here, dict | list) and here:
                keys = list(here) if isinstance(here, dict) else list(range(len(here)))
                places += [(here, key) for key in keys]
                stack += [here[key] for key in keys]
            if len(places) > 5_000:
                break
        return self.rng.choice(places) if places else (None, None)

    def _odd(self) -> Any:
        kind = self.rng.randrange(6)
        if kind == 0:
            return self.rng.choice(LIMITS)
        if kind == 1:
            return self.rng.choice(WORDS)
        if kind == 2:
            return _MARK.format(self.rng.randrange(len(RAW)))
        return self.rng.choice((None, True, False, [], {}, [[]], [None], {"": None}, [1, "a", []]))

    # -- changes of values -----------------------------------------------------------------------

    def _swap(self, root: Any, holder: Any, key: Any) -> None:
        other, there = self._place(root)
        holder[key], other[there] = other[there], holder[key]
        _cut_circles(root)

    def _move(self, root: Any, holder: Any, key: Any) -> None:
        value = holder.pop(key)
        for _ in range(20):
            other, _ = self._place(root)
            if isinstance(other, dict):
                other[key if isinstance(key, str) else f"k{key}"] = value
                break
            if isinstance(other, list):
                other.insert(self.rng.randrange(len(other) + 1), value)
                break
        _cut_circles(root)

    def _copy(self, root: Any, holder: Any, key: Any) -> None:
        other, there = self._place(root)
        holder[key] = copy.deepcopy(other[there])

    def _limit(self, root: Any, holder: Any, key: Any) -> None:
        for _ in range(10):
            if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
                break
            holder, key = self._place(root)
        holder[key] = self.rng.choice(LIMITS)

    def _word(self, root: Any, holder: Any, key: Any) -> None:
        for _ in range(5):
            if isinstance(holder[key], str):
                break
            holder, key = self._place(root)
        holder[key] = self.rng.choice(WORDS)

    def _rename(self, root: Any, holder: Any, key: Any) -> None:
        if isinstance(holder, dict):
            new = self.rng.choice((*WORDS, key + "s", key.upper(), key + " ", "rank", "name"))
            items = [(new if k == key else k, v) for k, v in holder.items()]
            holder.clear()
            holder.update(items)
        else:
            holder.insert(key, copy.deepcopy(holder[key]))

    def _drop(self, root: Any, holder: Any, key: Any) -> None:
        del holder[key]

    def _retype(self, root: Any, holder: Any, key: Any) -> None:
        here = holder[key]
        if isinstance(here, dict):
            holder[key] = self.rng.choice((list(here.values()), [list(i) for i in here.items()]))
        elif isinstance(here, list):
            holder[key] = self.rng.choice(
                ({str(i): v for i, v in enumerate(here)}, here[:1], str(here))
            )
        elif isinstance(here, str):
            holder[key] = self.rng.choice(
                (list(here[:50]), {here[:50]: here[:50]}, len(here), None)
            )
        else:
            holder[key] = self.rng.choice((str(here), [here], {"value": here}, not here, None))

    def _many(self, root: Any, holder: Any, key: Any) -> None:
        count = self.rng.choice((2, 30, 300))
        if isinstance(holder, list):
            holder[key:key] = [copy.deepcopy(holder[key]) for _ in range(count)]
        else:
            holder.update({f"{key}{i}": copy.deepcopy(holder[key]) for i in range(count)})

    def _deep(self, root: Any, holder: Any, key: Any) -> None:
        value = holder[key]
        for _ in range(self.rng.choice((1, 3, 60, 300))):
            value = [value] if self.rng.random() < 0.5 else {"a": value}
        holder[key] = value

    def _odd_here(self, root: Any, holder: Any, key: Any) -> None:
        holder[key] = self._odd()

    def _scale(self, root: Any, holder: Any, key: Any) -> None:
        for _ in range(10):
            if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
                break
            holder, key = self._place(root)
        else:
            return
        here = holder[key]
        holder[key] = type(here)(
            here * self.rng.choice((-1, 0.5, 2, 3, 1000)) + self.rng.choice((0, 1, -1))
        )

    def _shuffle(self, root: Any, holder: Any, key: Any) -> None:
        if isinstance(holder, list):
            self.rng.shuffle(holder)
        else:
            keys, values = list(holder), list(holder.values())
            self.rng.shuffle(values)
            holder.update(zip(keys, values, strict=True))

    # -- changes of text -------------------------------------------------------------------------

    def _cut(self, text: str) -> str:
        first, last = sorted(self.rng.randrange(len(text) + 1) for _ in range(2))
        return text[:first] + text[last:] if self.rng.random() < 0.3 else text[:last]

    def _insert(self, text: str) -> str:
        at = self.rng.randrange(len(text) + 1)
        return text[:at] + self.rng.choice(_SNIPPETS) + text[at:]

    def _double_line(self, text: str) -> str:
        lines = text.split("\n")
        lines.insert(self.rng.randrange(len(lines) + 1), self.rng.choice(lines))
        return "\n".join(lines)

    def _breaks(self, text: str) -> str:
        return text.replace("\n", self.rng.choice(("\r\n", "\r", "\u2028", "\x85", "\n\n", "\x0b")))

    def _character(self, text: str) -> str:
        if not text:
            return text
        at = self.rng.randrange(len(text))
        return (
            text[:at]
            + chr(self.rng.choice((0, 7, 9, 27, 34, 39, 44, 58, 127, 160, 0x2028, 0x202E, 0xFEFF)))
            + text[at + 1 :]
        )

    def _digits(self, text: str) -> str:
        at = self.rng.randrange(len(text) + 1)
        return (
            text[:at] + text[at:].translate(_OTHER_DIGITS)
            if self.rng.random() < 0.3
            else text[:at] + self.rng.choice("0٣१９_+-e.") + text[at:]
        )

    _CHANGES: ClassVar[tuple[Callable[[Mutator, Any, Any, Any], None], ...]] = (
        _swap, _move, _copy, _limit, _limit, _word,
        _rename, _drop, _retype, _many, _deep, _odd_here,
        _scale, _scale, _shuffle,
    )  # fmt: skip
    _TEXT_CHANGES: ClassVar[tuple[Callable[[Mutator, str], str], ...]] = (
        _cut, _insert, _insert, _double_line, _breaks,
        _character, _digits,
    )  # fmt: skip


_OTHER_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_SNIPPETS = (
    "&a ", "*a", "<<: *a", "!!python/object/apply:os.system ['true'] ", "!!binary ", "!t ",
    "? ", ": ",
    "- ", "\n---\n", "\n...\n", "%YAML 1.1\n---\n", "|+\n", ">-\n", "#", " #", "\t", "{",
    "}", "[", "]",
    ",", '"', "'", "\\", "\\u0000", "\\ud800", "\\x", "\n\n\n", "\x00", "\ufeff", "@", "`",
    "~", "y: yes\n",
    "=", "2001-01-01", "12:30:45", "[" * 200, "{a: " * 100, '"' + "x" * 5000, ",,,,", ";",
    "\r", "a\n",
)  # fmt: skip


def _cut_circles(root: Any) -> None:
    """Take out what has come to hold itself, and what stands twice."""
    seen: set[int] = {id(root)}
    stack = [root]
    while stack:
        here = stack.pop()
        keys = (
            list(here)
            if isinstance(here, dict)
            else range(len(here))
            if isinstance(here, list)
            else ()
        )
        for key in keys:
            inner = here[key]
            if isinstance(inner, dict | list):
                if id(inner) in seen:
                    here[key] = None
                else:
                    seen.add(id(inner))
                    stack.append(inner)
