"""A made-up machine whose rates are known, in place of one that is measured."""

from dataclasses import dataclass, field

from shardplan.calibrate.measure.machine import Machine
from shardplan.calibrate.measurements.measurement import Transfer
from shardplan.calibrate.predict import is_predicted, predicted_seconds
from shardplan.cost.profile.build_profile import build_profile
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.spec.catalog.catalog import Kind, find
from shardplan.spec.text.document import read_document
from shardplan.spec.validation.validation import validate

COPY_BYTES_PER_SECOND = {Transfer.FROM_HOST: 20e9, Transfer.TO_HOST: 10e9}


def shipped_profile(name, tmp_path):
    text = find(Kind.COST_MODEL, name, tmp_path).text
    return build_profile(validate(ProfileFile, read_document(text, name)))


def machine():
    return Machine("a test machine", {"torch": "none"}, on_gpu=False, page_bytes=4096)


@dataclass
class FakeCrew:
    """Answers at once with what a profile predicts, times some noise."""

    profile: object
    noise: tuple[float, ...] = (1.0,)
    asked: list = field(default_factory=list)

    def measure(self, task):
        self.asked.append(task)
        factor = self.noise[len(self.asked) % len(self.noise)]
        return tuple(self._seconds(probe) * factor for probe in task.probes)

    def _seconds(self, probe):
        if is_predicted(probe):
            return float(predicted_seconds(self.profile, [probe])[0])
        return probe.mean_bytes / COPY_BYTES_PER_SECOND[probe.subject]
