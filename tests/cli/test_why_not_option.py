import json


def test_tells_what_another_choice_would_cost(run, plan_path):
    result = run("explain", plan_path, "--why-not", "country=table_wise", "--time-limit", "1s")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("country=table_wise: the step would take")
    assert "\nWith all else fixed" in result.stdout
    assert "\nSolved again" in result.stdout


def test_has_each_format(run, plan_path):
    command = ["explain", plan_path, "--why-not", "country@rank0", "--time-limit", "1s", "--format"]
    value = json.loads(run(*command, "json").stdout)
    assert value["fixed"]["diff"]["new_step_seconds"] > 0
    assert run(*command, "markdown").stdout.startswith("# country@rank0")


def test_what_cannot_be_read_is_wrong_usage(run, plan_path):
    result = run("explain", plan_path, "--why-not", "country=row_wize")
    assert result.exit_code == 2
    assert "did you mean 'row_wise'" in result.stderr
    assert run("explain", plan_path, "--why-not", "a=b", "--device", "0").exit_code == 2
