"""The measuring itself, where PyTorch is installed."""

import numpy as np
import pytest

from shardplan.calibrate.measure.task import KernelTask, WireTask
from shardplan.calibrate.measurements.measurement import Transfer, measured_table
from shardplan.calibrate.measurements.table_set import TableSet
from shardplan.topology.collective import Collective
from shardplan.workload.access import Uniform, Zipf
from shardplan.workload.drawn.drawn_ids import draw_ids, draw_lengths
from shardplan.workload.optimizers.optimizer import Optimizer

TABLES = (
    measured_table(0, 50, 8, 3.0, Uniform()),
    measured_table(1, 1_000, 4, 0.5, Zipf(1.1)),
)


@pytest.mark.parametrize("access", [Uniform(), Zipf(0.8), Zipf(1.2)])
def test_ids_touch_as_many_rows_as_the_access_pattern_says(access):
    """Drawn ids against the expected number of distinct rows, within 3%."""
    table = measured_table(0, 20_000, 8, 1.0, access)
    ids = draw_ids(table, 30_000, np.random.default_rng(0))
    assert ids.min() >= 0
    assert ids.max() < 20_000
    expected = access.distribution(20_000, 1.0).unique_rows(30_000)
    assert len(np.unique(ids)) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("pooling", [0.25, 1.0, 2.5, 20.0])
def test_lengths_have_the_pooling_as_mean(pooling):
    table = measured_table(0, 10, 8, pooling, Uniform())
    assert draw_lengths(table, 400, np.random.default_rng(0)).mean() == pytest.approx(pooling)


def test_lookup_and_update_do_what_a_dense_model_does():
    """One step of SGD, against autograd over one-hot rows."""
    torch = pytest.importorskip("torch")
    from shardplan.calibrate.measure.operators import EmbeddingTables, draw_bags

    bags = draw_bags(TABLES, 16, "cpu")
    tables = EmbeddingTables(TABLES, "cpu")
    before = tables.lookup(bags)
    gradient = torch.rand(before.shape, generator=torch.Generator().manual_seed(0))
    tables.update(bags, gradient)
    after = tables.lookup(bags)

    expected, start = [], 0
    for table, (ids, offsets) in zip(TABLES, bags, strict=True):
        weight = torch.ones(table.rows, table.dim, requires_grad=True)
        ends = [*offsets.tolist()[1:], len(ids)]
        pairs = zip(offsets.tolist(), ends, strict=True)
        pooled = torch.stack([weight[ids[first:end]].sum(0) for first, end in pairs])
        assert torch.equal(before[:, start : start + table.dim], pooled.detach())
        (pooled * gradient[:, start : start + table.dim]).sum().backward()
        stepped = weight.detach() - 1e-3 * weight.grad
        pairs = zip(offsets.tolist(), ends, strict=True)
        expected.append(torch.stack([stepped[ids[first:end]].sum(0) for first, end in pairs]))
        start += table.dim
    assert torch.allclose(after, torch.cat(expected, dim=1))


@pytest.mark.slow
def test_processes_measure_every_kind_of_task():
    pytest.importorskip("torch")
    from shardplan.calibrate.measure.crew import Crew

    chosen = [
        KernelTask(TableSet(TABLES, 64), Optimizer.SGD),
        *(WireTask(kind, (4096.0, 4096.0)) for kind in Collective),
        WireTask(Collective.ALL_TO_ALL, (2048.0, 6144.0)),
        *(WireTask(transfer, (4096.0,)) for transfer in Transfer),
    ]
    with Crew(2, on_gpu=False) as crew:
        for task in chosen:
            seconds = crew.measure(task)
            assert len(seconds) == len(task.probes)
            assert all(0 < each < 60 for each in seconds)


class LostPipe:
    """Of a calibration that is killed while a task is measured."""

    def recv(self):
        return WireTask(Transfer.FROM_HOST, (64.0,))

    def send(self, answer):
        raise BrokenPipeError


def test_a_measuring_process_ends_quietly_when_whoever_asked_is_gone(tmp_path):
    pytest.importorskip("torch")
    from shardplan.calibrate.measure.worker import serve

    serve(0, 1, str(tmp_path / "rendezvous"), False, LostPipe())
