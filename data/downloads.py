"""Downloads published files and checks their SHA-256."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

TIMEOUT = (5.0, 60.0)  # seconds to connect to a server, seconds it may stay silent


class DownloadError(Exception):
    """No server gave the file; str() has each URL with the reason, for a sentence of the caller's."""


def retrieve(urls: Sequence[str], sha256: str, to: Path) -> Path:
    """Downloads the file with this SHA-256 from the first URL that serves it, and returns its path, `to`.

    A file with that hash that is there already is kept. Raises DownloadError if no URL serves the file; a folder that
    was made for it is removed then.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    known, downloader, failures = to.parent.exists(), pooch.HTTPDownloader(timeout=TIMEOUT), []
    for url in urls:
        try:
            return Path(pooch.retrieve(url, f"sha256:{sha256}", to.name, to.parent, downloader=downloader))
        except (OSError, ValueError) as error:  # requests' errors are OSErrors, a wrong hash is a ValueError
            failures.append(f"{url}: {_reason(error)}")
    if not known:
        with suppress(OSError):
            to.parent.rmdir()
    raise DownloadError("; ".join(failures))


def _reason(error: Exception) -> str:
    """Returns why a download failed, in a few words."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    if isinstance(error, ValueError):
        return "the file served has another sha256 than the published one"
    return getattr(error, "strerror", None) or type(error).__name__
