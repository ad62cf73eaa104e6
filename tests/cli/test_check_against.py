"""``shardplan check --cost-model --against``."""

import json
from xml.etree import ElementTree

import pytest

MEASURED = """\
subject,batch,tables,ranks,bytes,largest_bytes,seconds
lookup_and_update,65536,"[{""rows"":100000,""dim"":64,""pooling"":5}]",,,,0.05
lookup_and_update,65536,"[{""rows"":100000,""dim"":64,""pooling"":15}]",,,,0.1
all_to_all,,,4,33554432,,0.0327
all_to_all,,,4,33554432,52654432,0.0427
host_to_device,,,1,33554432,,0.01
"""


@pytest.fixture
def measured(write):
    return write(MEASURED, "measured.csv")


def test_says_how_well_a_cost_model_predicts(run, measured):
    """The two all-to-alls are what the file says: 32.7 ms, and 10 ms more for 19.1 MB of excess."""
    result = run("check", "--cost-model", "cpu", "--against", measured, "--format", "json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    exact = found["accuracy"]["all_to_all"]
    assert exact["count"] == 2
    assert exact["mean_error"] == pytest.approx(0, abs=1e-3)
    assert exact["rank_correlation"] == pytest.approx(1)
    errors = [abs(case["error"]) for case in found["worst"]]
    assert errors == sorted(errors, reverse=True)
    assert len(errors) == 4
    assert found["skipped"] == 1


def test_the_table_names_figures_and_worst_cases(run, measured):
    shown = run("check", "--cost-model", "cpu", "--against", measured).stdout
    assert "cpu against 4 measurements" in shown
    for word in ("MAPE", "bias", "Spearman", "Worst cases", "1 measurement of the host link"):
        assert word in shown


def test_the_plot_has_a_point_per_measurement(run, measured, tmp_path):
    path = tmp_path / "plot.svg"
    result = run("check", "--cost-model", "cpu", "--against", measured, "--plot", path)
    assert result.exit_code == 0
    root = ElementTree.fromstring(path.read_text())
    points = root.findall(".//{*}g/{*}circle")
    assert len(points) == 4
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    for point in points:
        assert 0 < float(point.attrib["cx"]) < width
        assert 0 < float(point.attrib["cy"]) < height


def test_a_right_prediction_lies_on_the_diagonal():
    from shardplan.explain.render.scatter import scatter_plot

    root = ElementTree.fromstring(scatter_plot("<t>", {"a & b": [(1e-3, 1e-3), (1e-3, 1e-1)]}))
    diagonal = root.find(".//{*}line").attrib
    right, wrong = (point.attrib for point in root.findall(".//{*}g/{*}circle"))
    (x1, y1), (x2, y2) = ((float(diagonal[f"x{i}"]), float(diagonal[f"y{i}"])) for i in (1, 2))

    def off(point):
        share = (float(point["cx"]) - x1) / (x2 - x1)
        return float(point["cy"]) - (y1 + share * (y2 - y1))

    assert off(right) == pytest.approx(0, abs=0.2)
    assert off(wrong) < -100  # above: predicted too long


def test_faults_of_the_measurements_are_told_with_their_lines(run, write):
    path = write(MEASURED.replace("all_to_all,", "all_too_all,"), "measured.csv")
    result = run("check", "--cost-model", "cpu", "--against", path)
    assert result.exit_code == 2
    assert f"{path}:4:1: error: measurements[2].subject: unknown subject" in result.stderr
    assert "did you mean" in result.stderr
    assert "2 errors" in result.stderr


@pytest.mark.parametrize(
    ("cost_model", "text", "said"),
    [
        ("cpu", MEASURED.replace(",4,", ",3,"), "no curve of all_to_all among 3 ranks"),
        ("torchrec", MEASURED, "takes one of the kind analytic"),
        ("cpu", MEASURED.splitlines()[0] + "\n", "nothing in it that a cost model predicts"),
        ("h100", MEASURED.splitlines()[0] + '\nlookup_forward,8,"[{""rows"":9,""dim"":4}]",,,,1\n',
         ""),
    ],
)  # fmt: skip
def test_what_does_not_match_is_said(run, write, cost_model, text, said):
    path = write(text, "measured.csv")
    result = run("check", "--cost-model", cost_model, "--against", path)
    assert said in result.stderr
    assert result.exit_code == (2 if said else 0)


def test_measurements_in_host_memory_need_a_topology(run, write):
    text = 'subject,tier,batch,tables,seconds\nlookup_forward,ddr,8,"[{""rows"":9,""dim"":4}]",1\n'
    result = run("check", "--cost-model", "h100", "--against", write(text, "measured.csv"))
    assert result.exit_code == 2
    assert "which only a topology knows" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--cost-model", "cpu"),
        ("--against", "m.csv"),
        ("spec.yaml", "--cost-model", "cpu", "--against", "m.csv"),
        ("spec.yaml", "--plot", "p.svg"),
    ],
)
def test_a_spec_or_a_cost_model_is_checked_never_both(run, words):
    result = run("check", *words)
    assert result.exit_code == 2
    assert "Usage" in result.stderr
