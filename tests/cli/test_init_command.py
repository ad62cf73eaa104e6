import pytest

from shardplan.cli.init import TEMPLATES, template_text


def test_writes_a_template_and_says_what_comes_next(run, tmp_path):
    file = tmp_path / "model.yaml"
    result = run("init", file)
    assert (result.exit_code, result.stdout) == (0, "")
    assert file.read_text() == template_text("minimal")
    assert f"shardplan solve {file}" in result.stderr


def test_overwrites_only_when_forced(run, write):
    file = write("mine")
    result = run("init", file)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert "--force" in result.stderr
    assert file.read_text() == "mine"
    assert run("init", file, "--force").exit_code == 0
    assert file.read_text() == template_text("minimal")


def test_a_dangling_link_is_not_overwritten(run, tmp_path):
    link = tmp_path / "link.yaml"
    link.symlink_to(tmp_path / "nowhere.yaml")
    assert run("init", link).exit_code == 2
    assert not link.exists()


def test_lists_the_templates(run):
    listed = run("init", "--list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_template_is_good_and_solves(run, tmp_path, template):
    file, plan = tmp_path / "model.yaml", tmp_path / "plan.json"
    text = run("init", "--template", template, "-").stdout
    assert text.startswith("#")
    file.write_text(text)
    assert run("check", file).exit_code == 0
    result = run("solve", file, "--method", "greedy", "-o", plan)
    assert result.exit_code == 0, result.stderr
    assert run("verify", plan, file).exit_code == 0


def test_a_folder_that_is_not_there_is_said_to_be_so(run, tmp_path):
    result = run("init", tmp_path / "no" / "model.yaml")
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr
