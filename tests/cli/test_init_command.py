import json
import sys

import pytest

from shardplan.build_case import build_case
from shardplan.cli.commands.init import SCHEMA_FILE, TEMPLATES, template_text
from shardplan.json_schema import json_schema
from shardplan.spec.load import load_spec
from shardplan.workload.collection import POOLED, Collection, CollectionKind


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


def test_writes_the_schema_beside_the_spec_once(run, tmp_path):
    run("init", tmp_path / "a.yaml")
    schema = tmp_path / SCHEMA_FILE
    assert json.loads(schema.read_text()) == json_schema("spec")
    assert (tmp_path / "a.yaml").read_text().splitlines()[0].endswith(f"$schema={SCHEMA_FILE}")
    schema.write_text("mine")
    run("init", tmp_path / "b.yaml")
    assert schema.read_text() == "mine"


def test_to_stdout_only_the_spec_goes(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("init", "-").stdout == template_text("minimal")
    assert list(tmp_path.iterdir()) == []


_MODEL = """
import torch
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig
from torchrec.modules.embedding_configs import DataType

def table(name, rows, dim=64, features=None, **more):
    return EmbeddingBagConfig(
        num_embeddings=rows, embedding_dim=dim, name=name, feature_names=features or [name], **more)

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.sparse = torch.nn.Module()
        self.sparse.ebc = EmbeddingBagCollection(
            tables=[table("huge", 10**12), table("words", 5000, features=["w", "v"])])
        self.other = EmbeddingBagCollection(
            tables=[table("narrow", 100, 32, data_type=DataType.FP16)])

def make():
    return Model()

def with_positions():
    model = Model()
    model.position = torch.nn.Embedding(512, 8)
    return model

def with_optimizer():
    from torch.distributed.optim import _apply_optimizer_in_backward
    model = Model()
    _apply_optimizer_in_backward(torch.optim.Adagrad, model.parameters(), {"lr": 0.1})
    return model

def with_starts():
    return EmbeddingBagCollection(tables=[table("a", 9, init_fn=lambda weight: weight.fill_(1))])

def with_odd_names():
    return EmbeddingBagCollection(tables=[table("a", 9), table("b\\nc ", 9, features=["b"])])

def empty():
    return torch.nn.Linear(2, 2)

def broken():
    raise ValueError("no data")
"""


@pytest.fixture
def model_folder(tmp_path, monkeypatch):
    """A folder with a module that makes TorchRec models; the current one."""
    pytest.importorskip("torchrec")
    (tmp_path / "a_model_of_ours.py").write_text(_MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore")
def test_takes_the_tables_of_a_torchrec_model(run, model_folder):
    result = run("init", "--from", "torchrec", "a_model_of_ours:make", "model.yaml")
    assert result.exit_code == 0, result.stderr
    tables = {t.name: t for t in build_case(load_spec("model.yaml")).workload.tables}
    assert {name: (t.rows, t.dim, t.dtype, t.module, t.features) for name, t in tables.items()} == {
        "huge": (10**12, 64, "fp32", "sparse.ebc", ("huge",)),
        "words": (5000, 64, "fp32", "sparse.ebc", ("w", "v")),
        "narrow": (100, 32, "fp16", "other", ("narrow",)),
    }


@pytest.mark.filterwarnings("ignore")
def test_plain_embeddings_stay_out_of_the_spec_and_are_named(run, model_folder):
    result = run("init", "--from", "torchrec", "a_model_of_ours:with_positions", "-")
    assert result.exit_code == 0
    assert "warning: not in the plan: position (Embedding, 512 rows x 8, 16.0 KiB)" in result.stderr
    comment = [line for line in result.stdout.splitlines() if "not in the plan" in line]
    assert comment[0].startswith("# not in the plan: position (")
    assert "name: position" not in result.stdout


@pytest.mark.filterwarnings("ignore")
def test_the_optimizer_is_the_models_where_it_sets_one(run, model_folder):
    result = run("init", "--from", "torchrec", "a_model_of_ours:with_optimizer", "model.yaml")
    assert result.exit_code == 0, result.stderr
    assert build_case(load_spec("model.yaml")).workload.training.optimizer.name == "adagrad"


@pytest.mark.filterwarnings("ignore")
def test_a_start_that_cannot_be_read_is_told_with_what_engines_do(run, model_folder):
    result = run("init", "--from", "torchrec", "a_model_of_ours:with_starts", "-")
    assert "warning: init_fn <lambda> of a: the native engine refuses it" in result.stderr
    assert "# init_fn <lambda> of a: the native engine refuses it" in result.stdout


@pytest.mark.filterwarnings("ignore")
def test_what_a_spec_refuses_is_told_where_the_model_has_it(run, model_folder):
    result = run("init", "--from", "torchrec", "a_model_of_ours:with_odd_names", "-")
    assert result.exit_code == 2
    assert "error: b\\nc : name: must not begin or end with a space" in result.stderr


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("function", "message"),
    [("empty", "without a collection of tables"), ("broken", "ValueError: no data"),
     ("absent", "no function 'absent'")],
)  # fmt: skip
def test_says_why_a_model_gives_no_tables(run, model_folder, function, message):
    result = run("init", "--from", "torchrec", f"a_model_of_ours:{function}", "-")
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_torchrec_is_asked_for_only_then(run, tmp_path, monkeypatch):
    (tmp_path / "plain_module_of_ours.py").write_text("def make(): ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torchrec", None)
    result = run("init", "--from", "torchrec", "plain_module_of_ours:make", "-")
    assert result.exit_code == 2
    assert "needs TorchRec" in result.stderr or "torch" in result.stderr
    assert run("init", "--from", "torchrec", "no_colon", "-").exit_code == 2


_WITHOUT_PLAN = """
import torch
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig
from torchrec import EmbeddingCollection, EmbeddingConfig

def config(kind, name, dim=16):
    return kind(name=name, num_embeddings=100, embedding_dim=dim, feature_names=[name])

class OurSequences(EmbeddingCollection):
    pass

def derived():
    model = torch.nn.Module()
    model.ebc = EmbeddingBagCollection(tables=[config(EmbeddingBagConfig, "user")])
    model.history = EmbeddingCollection(tables=[config(EmbeddingConfig, "item")])
    model.words = OurSequences(tables=[config(EmbeddingConfig, "word")])
    model.others = OurSequences(tables=[config(EmbeddingConfig, "other")])
    return model

def odd():
    return EmbeddingBagCollection(tables=[config(EmbeddingBagConfig, "t", 30)])
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("derived", ["words: OurSequences: tables whose rows are", "others: OurSeq", "2 errors"]),
    ],
)
def test_refuses_a_model_that_a_plan_would_lose_parts_of(run, model_folder, function, words):
    (model_folder / "a_model_without_plan.py").write_text(_WITHOUT_PLAN)
    result = run("init", "--from", "torchrec", f"a_model_without_plan:{function}", "model.yaml")
    assert result.exit_code == 2
    assert [word for word in words if word not in result.stderr] == []
    assert not (model_folder / "model.yaml").exists()


@pytest.mark.filterwarnings("ignore")
def test_says_that_a_table_will_be_padded(run, model_folder):
    (model_folder / "a_model_of_thirty.py").write_text(_WITHOUT_PLAN)
    result = run("init", "--from", "torchrec", "a_model_of_thirty:odd", "model.yaml")
    assert result.exit_code == 0, result.stderr
    assert "planned with 32; give it embedding_dim=32" in result.stderr
    assert "dim: 30" in (model_folder / "model.yaml").read_text()


_KINDS = """
import torch
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig
from torchrec import EmbeddingCollection, EmbeddingConfig
from torchrec.modules.feature_processor_ import PositionWeightedModuleCollection
from torchrec.modules.fp_embedding_modules import FeatureProcessedEmbeddingBagCollection
from torchrec.modules.mc_embedding_modules import (
    ManagedCollisionEmbeddingBagCollection, ManagedCollisionEmbeddingCollection)
from torchrec.modules.mc_modules import (
    LFU_EvictionPolicy, ManagedCollisionCollection, MCHManagedCollisionModule)

def config(kind, name, feature=None):
    return kind(
        name=name, num_embeddings=100, embedding_dim=16, feature_names=[feature or name])

def bags(*names, **more):
    return EmbeddingBagCollection(tables=[config(EmbeddingBagConfig, n) for n in names], **more)

def sequences(*names):
    return EmbeddingCollection(tables=[config(EmbeddingConfig, n) for n in names])

def managed(kind, inner, configs):
    maps = {each.name: MCHManagedCollisionModule(
        zch_size=100, input_hash_size=1000, device=torch.device("cpu"), eviction_interval=2,
        eviction_policy=LFU_EvictionPolicy()) for each in configs}
    return kind(inner, ManagedCollisionCollection(maps, configs))

def make():
    model = torch.nn.Module()
    model.ebc, model.ec = bags("item", "user"), torch.nn.ModuleDict({"16": sequences("item")})
    model.fp = FeatureProcessedEmbeddingBagCollection(
        bags("p", is_weighted=True), PositionWeightedModuleCollection({"p": 5}))
    one, other = bags("m"), sequences("n")
    model.mc_ebc = managed(ManagedCollisionEmbeddingBagCollection, one, one.embedding_bag_configs())
    model.mc_ec = managed(ManagedCollisionEmbeddingCollection, other, other.embedding_configs())
    return model
"""


@pytest.mark.filterwarnings("ignore")
def test_every_kind_of_module_is_written_with_tables_of_one_name_in_two(run, model_folder):
    (model_folder / "a_model_of_kinds.py").write_text(_KINDS)
    result = run("init", "--from", "torchrec", "a_model_of_kinds:make", "model.yaml")
    assert result.exit_code == 0, result.stderr
    tables = build_case(load_spec("model.yaml")).workload.tables
    sequence = Collection(CollectionKind.SEQUENCE, is_pooled=False)
    managed = CollectionKind.MANAGED_COLLISION
    assert {(t.module, t.name): (t.collection, t.weighted) for t in tables} == {
        ("ebc", "item"): (POOLED, False),
        ("ebc", "user"): (POOLED, False),
        ("ec.16", "item"): (sequence, False),
        ("fp", "p"): (Collection(CollectionKind.FEATURE_PROCESSED), True),
        ("mc_ebc", "m"): (Collection(managed), False),
        ("mc_ec", "n"): (Collection(managed, is_pooled=False), False),
    }


_MEANS = """
import torch
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig
from torchrec.modules.embedding_configs import PoolingType

def make():
    return EmbeddingBagCollection(tables=[
        EmbeddingBagConfig(name=pooling.lower(), num_embeddings=100, embedding_dim=16,
                           feature_names=[pooling], pooling=PoolingType[pooling])
        for pooling in ("SUM", "MEAN")])
"""


@pytest.mark.filterwarnings("ignore")
def test_tables_that_average_are_written_so(run, model_folder):
    (model_folder / "a_model_of_means.py").write_text(_MEANS)
    result = run("init", "--from", "torchrec", "a_model_of_means:make", "model.yaml")
    assert result.exit_code == 0, result.stderr
    tables = build_case(load_spec("model.yaml")).workload.tables
    assert {t.name: t.is_mean for t in tables} == {"sum": False, "mean": True}


@pytest.mark.parametrize(("template", "verb"), [("minimal", "solve"), ("size", "size")])
def test_the_next_command_is_what_a_template_is_for(template, verb, run, tmp_path):
    result = run("init", tmp_path / "s.yaml", "--template", template)
    assert f"next: shardplan {verb} " in result.stderr
