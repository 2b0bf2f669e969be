"""A file of any size, written as it is made: kept in memory up to one part, and sent part by part."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.store.files import Files

PART = 8 * 1024 * 1024
"""Octets of a part but the last; S3 wants at least 5 MiB, and no more than 10,000 parts."""


@dataclass(slots=True)
class Multipart:
    """One file under way. Nothing of it is to be seen before `finish`."""

    files: Files
    key: str
    upload: str | None = None
    etags: list[str] = field(default_factory=list)
    part: int = PART
    _kept: bytearray = field(default_factory=bytearray)

    def write(self, octets: bytes) -> bool:
        """Adds to the end; sends what makes a part, and whether it did. Raises `StoreUnavailable`.

        After a part was sent, the file can be left, and gone on with from its `upload` and `etags`.
        """
        self._kept += octets
        if len(self._kept) < self.part:
            return False
        self._send()
        return True

    def finish(self) -> None:
        """Sends the rest, and makes the file. Raises `StoreUnavailable`."""
        if self.upload is None:
            self.files.put(self.key, bytes(self._kept))
            return
        if self._kept:
            self._send()
        self.files.finish(self.key, self.upload, self.etags)

    def _send(self) -> None:
        if self.upload is None:
            self.upload = self.files.begin(self.key)
        self.etags.append(self.files.add_part(self.key, self.upload, len(self.etags) + 1, bytes(self._kept)))
        self._kept.clear()
