"""A sweep as runs of TensorBoard: a curve per trial, and its HParams table."""

from pathlib import Path

from ganscape.results.frames import Results
from ganscape.results.new_folder import new_folder
from ganscape.results.store import StoreError


def export_tensorboard(results: Results, folder: str | Path) -> Path:
    """Writes a run METHOD/TRIAL for every trial with a score into a new folder, whole or not at all; returns it.

    A run has the metric's scores by images, and its settings with the lowest score as hyperparameters.

    Raises StoreError if the folder exists, or no trial has a score.
    """
    try:
        from tensorboardX import SummaryWriter
        from tensorboardX.summary import hparams
    except ImportError:
        raise StoreError("--as tensorboard needs tensorboardX: pip install tensorboardX") from None
    folder = Path(folder)
    scores = results.scores()
    scores = scores[scores["metric"] == results.study.get("metric")]
    if scores.empty:
        raise StoreError(f"no trial in '{results.folder}' has a score yet")
    name = str(results.study["metric"])
    with new_folder(folder) as temporary:
        for (method, trial), rows in scores.groupby(["method", "trial"], sort=False):
            with SummaryWriter(str(temporary / str(method) / str(trial)), write_to_disk=True) as writer:
                first = rows.iloc[0]
                settings = {**results.settings(first["config"]), "method": method, "seed": int(first["seed"])}
                for summary in hparams(settings, {name: float(rows["value"].min())}):
                    writer.file_writer.add_summary(summary)
                for value, images in zip(rows["value"].tolist(), rows["images"].tolist(), strict=True):
                    writer.add_scalar(name, value, images)
    return folder
