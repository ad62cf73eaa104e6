"""Objects of Kubernetes that start a plan's job: an indexed Job with a pod for each node."""

from __future__ import annotations

from dataclasses import replace
from textwrap import indent
from typing import TYPE_CHECKING

from shardplan.convert.launch.torchrun import PORT, body

if TYPE_CHECKING:
    from shardplan.convert.launch.launched_job import LaunchedJob

_PLAN = "plan.json"
_SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {label}
spec:
  clusterIP: None
  publishNotReadyAddresses: true  # Pods look for the first one while it starts.
  selector:
    job-name: {label}
  ports:
    - name: rendezvous
      port: {port}
---
"""
_JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {label}
spec:
  completionMode: Indexed
  completions: {nodes}
  parallelism: {nodes}
  backoffLimit: 0
  template:
    spec:
{subdomain}\
      restartPolicy: Never
      containers:
        - name: node
          image: {label}:latest  # Yours, with PyTorch and shardplan in it.
          workingDir: /job
          command:
            - bash
            - -c
            - |
{script}
            - node
{arguments}\
{meeting}\
{resources}\
          volumeMounts:
            - name: job
              mountPath: /job
            - name: shared-memory
              mountPath: /dev/shm
      volumes:
        - name: job
          persistentVolumeClaim:
            claimName: {label}  # Yours, with {plan} in it.
        - name: shared-memory
          emptyDir:
            medium: Memory
"""
_SUBDOMAIN = """\
      subdomain: {label}
"""
_MEETING = """\
          env:
            - name: NODE_RANK
              valueFrom:
                fieldRef:
                  fieldPath: metadata.annotations['batch.kubernetes.io/job-completion-index']
            - name: MASTER_ADDR
              value: {label}-0.{label}
            - name: MASTER_PORT
              value: "{port}"
"""
"""Where pods find the first one, by the service's name."""
_GPUS = """\
          resources:
            limits:
              nvidia.com/gpu: {each}  # amd.com/gpu for AMD's.
"""
_ARGUMENTS = """\
            - python  # The command of your job.
            - train.py
"""


def as_manifest(job: LaunchedJob) -> str:
    """For ``kubectl apply``. Image and claim are placeholders: a cluster has its own."""
    inside = replace(job, plan_path=_PLAN)
    has_several = job.world.nodes > 1
    names = {"label": job.label, "port": PORT}
    manifest = _JOB.format(
        **names,
        nodes=job.world.nodes,
        plan=_PLAN,
        script="\n".join(indent(line, " " * 14) for line in body(inside)),
        arguments="" if job.is_trained_here else _ARGUMENTS,
        subdomain=_SUBDOMAIN.format(**names) if has_several else "",
        meeting=_MEETING.format(**names) if has_several else "",
        resources=_GPUS.format(each=job.world.devices_per_node) if job.has_gpus else "",
    )
    return f"# {job.title}.\n{_SERVICE.format(**names) if has_several else ''}{manifest}"
