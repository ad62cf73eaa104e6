"""Names that TorchRec could not hold are refused before anything is planned."""

from __future__ import annotations

import pytest

from shardplan.spec.load import spec_from_value


def faults(*tables: dict) -> list[tuple[str, str]]:
    """(path, code) of each fault of a spec with these tables."""
    value = {"batch": {"local": 8}, "topology": "dgx-h100", "defaults": {"dim": 8}}
    value |= {"tables": [{"rows": 10} | table for table in tables]}
    return [(fault.path, fault.message) for fault in spec_from_value(value, "spec").faults]


@pytest.mark.parametrize("name", ["keys", "forward", "type", "to"])
def test_a_table_cannot_be_called_like_a_method_of_the_module_that_holds_it(name):
    message = "is the name of a method of torch.nn.ModuleDict, which holds the tables"
    assert faults({"name": name}) == [("tables[0].name", message)]


def test_a_table_name_cannot_hold_a_dot():
    assert faults({"name": "user.id"}) == [("tables[0].name", "must not hold a dot")]


@pytest.mark.parametrize("module", ["a..b", ".", "a.", "a. b", "a\nb", " a"])
def test_a_module_is_names_joined_by_dots(module):
    ((path, message),) = faults({"name": "a", "module": module})
    assert path == "tables[0].module"
    assert "names of modules joined by dots" in message


@pytest.mark.parametrize("module", ["", "sparse", "over.arch.0.ebc"])
def test_a_module_may_be_the_model_itself_or_an_entry_of_a_sequence(module):
    assert faults({"name": "a", "module": module}) == []


@pytest.mark.parametrize("module", ["by.user-tower", "by.long term", "by.[0]*", "by.a/b", "é.1-x"])
def test_a_module_may_be_an_entry_of_a_dictionary_whatever_it_is_called(module):
    assert faults({"name": "a", "module": module}) == []


@pytest.mark.parametrize(("outer", "inner"), [("sparse", "sparse.ebc"), ("", "ebc")])
def test_a_module_cannot_lie_inside_another_one_with_tables(outer, inner):
    ((path, message),) = faults({"name": "a", "module": outer}, {"name": "b", "module": inner})
    assert path == "tables[1].module"
    assert message == f"'{inner}' lies inside '{outer}', where other tables are"


def test_modules_that_only_begin_alike_are_apart():
    assert faults({"name": "a", "module": "ebc"}, {"name": "b", "module": "ebc_2"}) == []
