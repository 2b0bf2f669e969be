"""The ops key: an age key pair. The public half encrypts every backup, the private half is kept elsewhere.

age (age-encryption.org/v1) is a format with several implementations: what is encrypted here, `age --decrypt` opens.
The private half is itself an age file, encrypted with a passphrase, as `age --passphrase` makes it.
"""

from __future__ import annotations

import getpass
import os
import warnings
from typing import TYPE_CHECKING, Any

import pyrage

from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from pathlib import Path

SHORTEST = 12
"""Characters of a passphrase."""
_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_BINARY = b"age-encryption.org/"
_SECRET = "AGE-SECRET-KEY-"  # noqa: S105 - what such a key begins with


def make_pair(file: Path, passphrase: str) -> Path:
    """Writes the private half into `file` and the public one beside it, whose file is returned. Raises CannotRun."""
    if len(passphrase) < SHORTEST:
        raise CannotRun(f"A passphrase has at least {SHORTEST} characters.")
    identity = pyrage.x25519.Identity.generate()
    public = file.with_name(f"{file.name}.pub")
    if public.exists():  # before the private half is written, which would stand there alone
        raise CannotRun(f"{public} is there already, and a key is never written over: name another file.")
    sealed = pyrage.passphrase.encrypt(f"{identity}\n".encode(), passphrase, armored=True)
    for path, content, mode in ((file, sealed, 0o600), (public, f"{identity.to_public()}\n".encode(), 0o644)):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            raise CannotRun(f"{path} is there already, and a key is never written over: name another file.") from None
        except OSError as error:
            raise CannotRun(f"{path} cannot be written: {error.strerror}.") from None
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            # Nobody may take half of a pair for one, and encrypt to a key that opens nothing.
            file.unlink(missing_ok=True)
            public.unlink(missing_ok=True)
            raise CannotRun(f"{path} cannot be written: {error.strerror}. Nothing was made.") from None
    return public


def recipients_in(file: Path) -> list[Any]:
    """The public keys in a file, one on each line that is not empty or a remark. Raises CannotRun."""
    lines = [line.strip() for line in _read(file).decode("ascii", "replace").splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if any(_SECRET in line.upper() for line in found) or not _is_public(found):
        raise CannotRun(
            f"{file} is no public key of age (age1…): `python -m infra backup-key --out FILE` makes a pair, and the "
            "public half is in FILE.pub."
        )
    return [pyrage.x25519.Recipient.from_str(line) for line in found]


def identity_in(file: Path, passphrase: Path | None) -> Any:
    """The private half in a file; its passphrase is the first line of another, or asked for. Raises CannotRun."""
    content = _read(file)
    if content.startswith((_ARMOR, _BINARY)):
        try:
            content = pyrage.passphrase.decrypt(content, _passphrase(passphrase, f"Passphrase of {file}: "))
        except pyrage.DecryptError:
            raise CannotRun(f"{file} is not opened by this passphrase.") from None
    lines = [line for line in content.decode("ascii", "replace").splitlines() if line.startswith(_SECRET)]
    try:
        return pyrage.x25519.Identity.from_str(lines[0])
    except (IndexError, pyrage.IdentityError):
        raise CannotRun(f"{file} is no private key of age: it is what `python -m infra backup-key` wrote.") from None


def new_passphrase(file: Path | None) -> str:
    """The first line of a file, or what is typed twice. Raises CannotRun."""
    found = _passphrase(file, "New passphrase: ")
    if file is None and _typed("Once more: ") != found:
        raise CannotRun("The two passphrases differ: nothing was made.")
    return found


def _passphrase(file: Path | None, prompt: str) -> str:
    if file is None:
        return _typed(prompt)
    return (_read(file).decode("utf-8", "replace").splitlines() or [""])[0]


def _typed(prompt: str) -> str:
    """Typed on a terminal, without being seen. Raises CannotRun where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except (getpass.GetPassWarning, EOFError):
        raise CannotRun("Nobody typed a passphrase on a terminal: name a file by --passphrase-file.") from None


def _is_public(lines: list[str]) -> bool:
    try:
        return bool([pyrage.x25519.Recipient.from_str(line) for line in lines])
    except pyrage.RecipientError:
        return False


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CannotRun(f"{file} cannot be read: {error.strerror}.") from None
