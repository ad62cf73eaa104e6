import json


def test_says_what_an_old_plan_costs_under_a_new_spec(run, plan_path, spec_path, write):
    text = spec_path.read_text().replace("pooling: 50,", "pooling: 100,")
    result = run("verify", plan_path, write(text))
    assert result.exit_code == 1
    assert "stale: tables.history.pooling: was 50, is 100" in result.stdout
    assert "\nunder the spec: step " in result.stdout
    value = json.loads(run("verify", plan_path, write(text), "--format", "json").stdout)
    under = value["under_spec"]
    assert under["step_seconds"] > under["old_step_seconds"]


def test_a_fresh_plan_costs_what_it_says(run, plan_path, spec_path):
    result = run("verify", plan_path, spec_path)
    assert result.exit_code == 0
    assert "under the spec" not in result.stdout


def test_names_the_tables_that_a_plan_has_no_place_for(run, plan_path, spec_path, write):
    text = spec_path.read_text() + "  - {name: future, rows: 10}\n"
    assert "without future" in run("verify", plan_path, write(text)).stdout
