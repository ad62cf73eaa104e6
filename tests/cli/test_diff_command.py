import json

import pytest


@pytest.fixture(scope="module")
def other_path(run, spec_path, tmp_path_factory):
    """A plan of the same tables on four nodes instead of two."""
    folder = tmp_path_factory.mktemp("other")
    spec = folder / "spec.yaml"
    spec.write_text(spec_path.read_text().replace("nodes: 2\n", "nodes: 4\n"))
    plan = folder / "plan.json"
    assert run("solve", spec, "-o", plan, "--method", "greedy").exit_code == 0
    return plan


def test_a_plan_does_not_differ_from_itself(run, plan_path):
    result = run("diff", plan_path, plan_path, "--exit-code")
    assert (result.exit_code, result.stdout) == (0, "small -> small: no difference\n")


def test_only_with_exit_code_a_difference_is_told_by_it(run, plan_path, other_path):
    assert run("diff", plan_path, other_path).exit_code == 0
    assert run("diff", plan_path, other_path, "--exit-code").exit_code == 1


def test_says_what_moves_what_it_costs_and_which_input_changed(run, plan_path, other_path):
    text = run("diff", plan_path, other_path).stdout
    assert "Another topology" in text
    assert "topology.nodes" in text
    for title in ("Step", "To move", "Tables", "Phases", "Devices"):
        assert f"\n{title}" in text


def test_has_each_format(run, plan_path, other_path):
    value = json.loads(run("diff", plan_path, other_path, "--format", "json").stdout)
    assert value["new_world_size"] == 8
    markdown = run("diff", plan_path, other_path, "--format", "markdown").stdout
    assert markdown.startswith("# small")


def test_one_of_the_plans_may_be_stdin(run, plan_path, other_path):
    text = plan_path.read_text()
    piped = run("diff", "-", other_path, stdin=text).stdout
    assert piped == run("diff", plan_path, other_path).stdout
    assert run("diff", "-", "-").exit_code == 2


def test_a_plan_without_its_spec_cannot_be_compared(run, plan_path, tmp_path):
    value = json.loads(plan_path.read_text())
    del value["resolved"]
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(value))
    result = run("diff", plan_path, bare)
    assert result.exit_code == 2
    assert "holds no spec of its own" in result.stderr


def renamed(plan):
    """The same plan with its two nodes in each other's place, but for what lies on all devices."""
    value = json.loads(json.dumps(plan))
    world, each = value["world_size"], value["local_world_size"]
    for entries in value["plan"].values():
        for entry in entries.values():
            if entry["sharding_type"] in ("row_wise", "data_parallel"):
                continue
            entry["ranks"] = [(rank + each) % world for rank in entry["ranks"]]
            for shard, rank in zip(entry["shards"], entry["ranks"], strict=True):
                shard["placement"] = f"rank:{rank}/cuda:{rank % each}"
    ranks = value["prediction"]["ranks"]
    turned = [ranks[(rank + each) % world] | {"rank": rank} for rank in range(world)]
    value["prediction"]["ranks"] = turned
    return value


def test_the_same_plan_under_other_names_moves_nothing_and_can_be_written(run, plan_path, tmp_path):
    other, written = tmp_path / "other.json", tmp_path / "written.json"
    other.write_text(json.dumps(renamed(json.loads(plan_path.read_text()))))
    assert run("verify", other).exit_code == 0
    result = run("diff", plan_path, other, "--exit-code", "-o", written)
    assert result.exit_code == 1
    assert "Relabelled  4 ranks of the new plan renamed" in result.stdout
    closing = result.stdout.splitlines()[-1]
    assert closing.startswith("tables: as they were; 0 B to move with ranks relabelled; step ")
    assert run("diff", plan_path, written, "--exit-code").exit_code == 0
    assert run("verify", written).exit_code == 0
    as_written = json.loads(
        run("diff", plan_path, other, "--as-written", "--format", "json").stdout
    )
    assert as_written["relabelling"] is None
    assert as_written["tables"]
    value = json.loads(run("diff", plan_path, other, "--format", "json").stdout)
    assert value["relabelling"]["new_rank"] == [2, 3, 0, 1]
    moved = sum(t["within_node_bytes"] + t["across_node_bytes"] for t in as_written["tables"])
    assert value["relabelling"]["as_written_bytes"] == moved


def test_what_is_new_changed_and_gone_is_marked_and_counted(
    run, write, plan_path, spec_path, tmp_path
):
    text = spec_path.read_text().replace("name: unused", "name: fresh")
    text = text.replace("rows: 250", "rows: 300")
    changed = tmp_path / "changed.json"
    assert run("solve", write(text), "-o", changed, "--method", "greedy").exit_code == 0
    lines = run("diff", plan_path, changed).stdout.splitlines()
    for mark, name in (("+", "fresh"), ("-", "unused"), ("~", "country")):
        assert any(line.split()[:2] == [mark, name] for line in lines)
    assert "1 new (+)" in lines[-1]
    assert "1 dropped (-)" in lines[-1]


def test_another_batch_is_among_what_changed(run, spec_path, plan_path, tmp_path):
    larger = tmp_path / "larger.json"
    arguments = ("--set", "batch={global: 16384}", "--method", "greedy", "-o", larger)
    assert run("solve", spec_path, *arguments).exit_code == 0
    text = run("diff", plan_path, larger).stdout
    assert any(
        line.split() == ["global", "batch", "8,192", "16,384", "+8,192"]
        for line in text.splitlines()
    )


def test_an_output_goes_with_relabelling_alone(run, plan_path):
    assert run("diff", plan_path, plan_path, "-o", "-").exit_code == 2
    assert run("diff", plan_path, plan_path, "-o", "x", "--as-written").exit_code == 2
