"""Whatever is written, the answer is a spec, faults or an InputError."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path

from effort import examples
from hypothesis import example, given
from hypothesis import strategies as st

from shardplan.case import build_case
from shardplan.errors import InputError
from shardplan.sharding.world import World
from shardplan.spec.build_workload import build_workload
from shardplan.spec.catalog.source import cost_model_source, topology_source
from shardplan.spec.constraints import build_constraints
from shardplan.spec.load import load_document, load_spec, spec_from_value
from shardplan.spec.text.document import read_document

SMALL = Path(__file__).parents[1] / "data" / "spec" / "small.yaml"
TEXT = SMALL.read_text()
PARTS = {"topology": {"name": "dgx-h100"}, "cost_model": "h100"}
VALUE = load_spec(str(SMALL)).spec.resolved() | PARTS

WORDS = [
    "",
    "80GiB",
    "15%",
    "-1%",
    "1e9",
    "uniform",
    "zipf",
    "*",
    "[",
    "a",
    "nan",
    "\ud800",
    "\x00",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 200),
    st.sampled_from([10**13, 10**40, 10**400, -(10**400)]),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=5),
)
KEYS = st.sampled_from(["name", "rows", "zipf", "cdf", "tables", "nodes", "global", "ranks", "x"])
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3), max_leaves=6
)


def paths(value: object, path: tuple = ()) -> list[tuple]:
    """All paths into a value."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [path, *(p for key, each in inner for p in paths(each, (*path, key)))]


PATHS = paths(VALUE)[1:]


def use(load) -> None:
    """Do everything that can be done with a spec, or hear of an InputError."""
    with contextlib.suppress(InputError):
        loaded = load()
        if loaded.faults:
            build_case(loaded)
            raise AssertionError("a case was built of a faulty spec")
        build_workload(loaded.spec, 16)
        value = {"cost_model": "h100"} | loaded.spec.resolved()
        spec_from_value(value, "again")
        build_constraints(loaded, World(16, 8))
        topology_source(loaded)
        cost_model_source(loaded, "h100")


@examples(300)
@given(st.lists(st.tuples(st.sampled_from(PATHS), VALUES, st.booleans()), min_size=1, max_size=3))
def test_mutated_values(mutations: list[tuple[tuple, object, bool]]) -> None:
    value = copy.deepcopy(VALUE)
    for path, new, delete in mutations:
        holder = value
        with contextlib.suppress(KeyError, IndexError, TypeError):
            for part in path[:-1]:
                holder = holder[part]
            if delete:
                del holder[path[-1]]
            else:
                holder[path[-1]] = new
    use(lambda: spec_from_value(value, "s"))


@examples(200)
@given(
    st.integers(0, len(TEXT)),
    st.integers(0, 12),
    st.one_of(
        st.text(max_size=4), st.sampled_from(["&a ", "*a", "!!x ", "\t", "---\n", "010", "{"])
    ),
)
def test_mutated_text(start: int, length: int, new: str) -> None:
    text = TEXT[:start] + new + TEXT[start + length :]
    use(lambda: load_document(read_document(text, "s"), SMALL.parent))


@examples(200)
@given(st.text(max_size=60))
@example("a: \ud800")
@example("%YAML 9.9\n---\na: 1")
@example("? - a\n: - b\n")
@example("a: |\n  \x85\n b")
def test_any_text(text: str) -> None:
    use(lambda: load_document(read_document(text, "s"), Path()))


@examples(150)
@given(st.integers(0, 300), st.integers(0, 5), st.text(max_size=4))
def test_mutated_tables_file(tmp_path_factory, start: int, length: int, new: str) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    csv = (SMALL.parent / "small.csv").read_text()
    mutated = csv[:start] + new + csv[start + length :]
    (folder / "small.csv").write_bytes(mutated.encode("utf-8", "surrogatepass"))
    use(lambda: load_document(read_document(TEXT, "s"), folder))
