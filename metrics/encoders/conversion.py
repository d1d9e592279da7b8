"""Weights files of any known kind to .safetensors, and what is in them."""

from pathlib import Path
from typing import NamedTuple

from metrics.encoders import NETWORKS
from metrics.encoders.weight_files import File, Network, check_tensors, read, save
from metrics.errors import MetricError


class Contents(NamedTuple):
    """What a weights file is."""

    network: Network
    file: File
    origin: str  # in words


def contents(path: Path) -> Contents:
    """Returns which network a weights file holds, and where it comes from.

    Raises MetricError if it cannot be read or does not hold all of a network and nothing else.
    """
    file = read(path)
    network = max(NETWORKS.values(), key=lambda each: len(each.shapes.keys() & file.tensors.keys()))
    if not network.shapes.keys() & file.tensors.keys():
        raise MetricError(f"{path} holds none of: {', '.join(NETWORKS)}")
    check_tensors(network, path, file.tensors)
    return Contents(network, file, _origin(network, file))


def convert(path: Path, to: Path) -> Contents:
    """Writes the tensors of a weights file to a .safetensors file and returns what they are.

    Raises MetricError if the file cannot be read, or the other exists or has another ending.
    """
    if to.suffix != ".safetensors":
        raise MetricError(f"{to} must end in .safetensors")
    if to.exists():
        raise MetricError(f"{to} exists; remove it or name another file")
    found = contents(path)
    card = {"network": found.network.name, "source": path.name, "source_sha256": found.file.file_sha256}
    save(to, found.file.tensors, found.file.card or card)
    return found


def _origin(network: Network, file: File) -> str:
    if file.file_sha256 == network.sha256:
        return "the published file"
    if file.card.get("source_sha256") == network.sha256:
        return "converted from the published file, as its card says"
    return f"not known to be the published weights, which have sha256 {network.sha256}"
