"""The tables of phases in the documents against the phases themselves."""

from __future__ import annotations

from doc_pages import ROOT, codes, table, tables

from shardplan.cost.analytic.phases.all_phases import PHASES
from shardplan.cost.phases import DENSE_PHASES

DOCS = ROOT / "docs"


def test_the_glossary_means_what_explanations_mean():
    rows = [row for found in tables(DOCS / "glossary.md") for row in found.rows]
    meanings = {row[0].strip("`"): row[1] for row in rows}
    abouts = [*(kind.about for kind in PHASES), *DENSE_PHASES]
    phases = {about.name: about.meaning for about in abouts}
    assert {name: meanings.get(name) for name in phases} == phases


def test_the_cost_models_page_lists_the_phases_in_their_order():
    rows = table(DOCS / "cost-model.md", "phase").rows
    assert [codes(row[0])[0] for row in rows] == [kind.about.name for kind in PHASES]
    hidden = [bool(row[2]) for row in rows]
    assert hidden == [kind.about.overlapped for kind in PHASES]
