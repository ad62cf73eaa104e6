"""Operators and CPU time that each input of a TensorFlow 2 model brings.

    pip install tensorflow-cpu==2.15.1
    python benchmarks/tensorflow_operators.py

A model of embedding tables that are joined by width, as NVIDIA's distributed-embeddings joins them,
with a small MLP behind, is trained with 24 and with 48 inputs: what the second has more, by input.
Operators are those of the graph that runs, after all optimisations, with XLA's clusters. Batches
are so small that their kernels take next to nothing, and the all-to-all is a copy.
"""

from __future__ import annotations

import os
import time
from collections import Counter

os.environ |= {
    "CUDA_VISIBLE_DEVICES": "",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=fusible --tf_xla_cpu_global_jit",
}

import tensorflow as tf
from tensorflow.python.eager import context

BATCH, WIDTH, ROWS, STEPS = 16, 8, 1000, 300
FEW, MANY = 24, 48
OPTIMIZERS = {
    "sgd": lambda: tf.keras.optimizers.legacy.SGD(0.03),
    "adagrad": lambda: tf.keras.optimizers.legacy.Adagrad(),
}


def train_step(inputs: int, ids: int, optimizer: str, exchanges: bool):
    """A step of so many inputs, each with so many ids per sample, and its arguments."""
    table = tf.Variable(tf.zeros([ROWS * inputs, WIDTH]))
    offsets = [tf.constant([ROWS * at], tf.int64) for at in range(inputs)]
    layers = [tf.keras.layers.Dense(32, activation="relu"), tf.keras.layers.Dense(1)]
    mlp, updates = tf.keras.Sequential(layers), OPTIMIZERS[optimizer]()
    loss_of = tf.keras.losses.BinaryCrossentropy(from_logits=True)

    def looked_up(rows, offset):
        if ids == 1:
            return tf.nn.embedding_lookup(table, tf.squeeze(rows + offset, [1]))
        return tf.reduce_sum(tf.nn.embedding_lookup(table, rows + offset), axis=1)

    def exchanged(outputs):
        sent = tf.reshape(tf.concat([tf.reshape(each, [2, -1]) for each in outputs], 1), [-1])
        received = tf.grad_pass_through(lambda sums: tf.raw_ops.DeepCopy(x=sums))(sent)
        parts = tf.split(received, [BATCH * WIDTH] * inputs)
        return [tf.reshape(part, [BATCH, -1]) for part in parts]

    def forward(dense, sparse):
        outputs = list(map(looked_up, sparse, offsets))
        outputs = exchanged(outputs) if exchanges else outputs
        return mlp(tf.concat([*outputs, dense], 1))

    @tf.function
    def step(dense, sparse, labels):
        with tf.GradientTape() as tape:
            loss = loss_of(labels, forward(dense, sparse))
        rows, *gradients = tape.gradient(loss, [table, *mlp.trainable_variables])
        if exchanges:
            rows = tf.IndexedSlices(rows.values / 2, rows.indices, rows.dense_shape)
        gradients = [rows, *gradients]
        updates.apply_gradients(zip(gradients, [table, *mlp.trainable_variables], strict=True))
        return loss

    sparse = [tf.zeros([BATCH, ids], tf.int64) for _ in range(inputs)]
    arguments = tf.zeros([BATCH, 10]), sparse, tf.zeros([BATCH, 1], tf.int32)
    forward(*arguments[:2])
    return step, arguments


def measured(*model: int | str | bool) -> tuple[Counter[str], float]:
    """Operators of the graph that runs, and seconds of CPU time a step."""
    step, arguments = train_step(*model)
    context.context().enable_graph_collection()
    step(*arguments)
    collected = context.context().export_run_metadata()
    context.context().disable_graph_collection()
    graphs = [graph for found in collected.function_graphs for graph in found.partition_graphs]
    largest = max(graphs, key=lambda graph: len(graph.node))
    for _ in range(20):
        step(*arguments)
    begin = time.process_time()
    for _ in range(STEPS):
        step(*arguments)
    seconds = (time.process_time() - begin) / STEPS
    return Counter(node.op for node in largest.node), seconds


def main() -> None:
    """Print one line for each optimizer, with and without an exchange, of one id and of ten."""
    for name in ("inter", "intra"):
        getattr(tf.config.threading, f"set_{name}_op_parallelism_threads")(1)
    for optimizer in OPTIMIZERS:
        for exchanges in (False, True):
            for ids in (1, 10):
                few, few_seconds = measured(FEW, ids, optimizer, exchanges)
                many, many_seconds = measured(MANY, ids, optimizer, exchanges)
                more = {op: (many[op] - few[op]) / (MANY - FEW) for op in sorted(many | few)}
                per_input = (many_seconds - few_seconds) / (MANY - FEW)
                where = "several devices" if exchanges else "one device"
                each = ", ".join(f"{count:g} {op}" for op, count in more.items() if count)
                print(f"{optimizer}, {where}, {ids} ids: {per_input * 1e6:.0f} us, {each}")


if __name__ == "__main__":
    main()
