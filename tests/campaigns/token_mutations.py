"""Mutated tokens: how many an opener accepts that nobody minted, and how often it ends in anything but `InvalidToken`.

    python -m tests.campaigns.token_mutations --cases 50000000 --workers 4

The same cases and seed give the same report, however many workers there are.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import string
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import NoReturn

from chalicelib.domain.errors import InvalidToken
from chalicelib.keyring import VERSION_CHARS, Keyring, KeyState, MasterKey
from chalicelib.tokens import Purpose, mint, open_token

Opener = Callable[[Keyring, object], object]

#: One batch has its own keys and tokens, and is large enough to make every single-byte change of each of them.
BATCH = 1_000_000
_SENDER_CHARS = "abcdefghijklmnopqrstuvwxyz234567"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Report:
    """What came of some cases. `examples` shows the first that went wrong; their keys and addresses are invented."""

    cases: int = 0
    accepted: int = 0
    exceptions: int = 0
    genuine: int = 0
    genuine_refused: int = 0
    examples: tuple[str, ...] = ()

    @property
    def is_failure(self) -> bool:
        """Whether anything went wrong; refusing a genuine token does, or an opener that refuses all would pass."""
        return bool(self.accepted or self.exceptions or self.genuine_refused or not self.genuine)

    def __add__(self, other: Report) -> Report:
        return Report(
            self.cases + other.cases,
            self.accepted + other.accepted,
            self.exceptions + other.exceptions,
            self.genuine + other.genuine,
            self.genuine_refused + other.genuine_refused,
            (self.examples + other.examples)[:_SHOWN],
        )

    def __str__(self) -> str:
        counts = f"{self.accepted:,} accepted, {self.exceptions:,} exceptions"
        genuine = f"{self.genuine - self.genuine_refused:,} of {self.genuine:,} genuine tokens opened"
        return "\n".join((f"{self.cases:,} mutated tokens: {counts}; {genuine}", *self.examples))


def run(cases: int, seed: int, opener: Opener = open_token) -> Report:
    """That many cases, in this process."""
    return sum((run_batch(batch, opener) for batch in batches(cases, seed)), Report())


def batches(cases: int, seed: int) -> list[tuple[int, str]]:
    """The size and the seed of each batch."""
    return [(min(BATCH, cases - start), f"{seed}/{start}") for start in range(0, cases, BATCH)]


def run_batch(batch: tuple[int, str], opener: Opener = open_token) -> Report:
    """One batch, under keys of its own."""
    size, seed = batch
    rng = random.Random(seed)  # noqa: S311 -- a campaign repeats itself; nothing here is secret
    keyring, tokens = mint_genuine(rng)
    genuine = frozenset(tokens)
    report = sum((_try_genuine(keyring, token, opener) for token in tokens), Report())
    mutated = (case for case in mutations(rng, tokens) if not (type(case) is str and case in genuine))
    for case in islice(mutated, size):
        outcome = _outcome(keyring, case, opener)
        if outcome != "refused":
            report += Report(
                accepted=outcome == "accepted",
                exceptions=outcome != "accepted",
                examples=(f"  {outcome}: {case!r:.200}",),
            )
    return report + Report(cases=size)


def mint_genuine(rng: random.Random) -> tuple[Keyring, list[str]]:
    """A keyring, and eight tokens good under it: two versions, two senders, two purposes."""
    old, new = rng.randbytes(32), rng.randbytes(32)
    old_ring = Keyring([MasterKey(0, old, KeyState.MINTING)])
    new_ring = Keyring([MasterKey(0, old, KeyState.VERIFYING), MasterKey(1, new, KeyState.MINTING)])
    senders = ["".join(rng.choices(_SENDER_CHARS, k=8)) for _ in range(2)]
    addresses = cycle(
        ["anna.berg@news.mail.test", "b@a.test", "jörg@bücher.test", "l" * 64 + "@" + "d" * 184 + ".test"]
    )
    return new_ring, [
        mint(ring, purpose, sender, rng.randrange(1, 9), 20_000, next(addresses))
        for ring in (old_ring, new_ring)
        for purpose in Purpose
        for sender in senders
    ]


def mutations(rng: random.Random, tokens: list[str]) -> Iterator[object]:
    """Without end, in turn: single bytes (four in ten), splices (two), spellings, lengths, fuzz, other types."""
    bytes_, splices = single_bytes(rng, tokens), _splices(rng, tokens)
    kinds = (_spellings(rng, tokens), _lengths(rng, tokens), _fuzz(rng), _types(rng, tokens))
    for kind in cycle((bytes_, splices, kinds[0], bytes_, kinds[1], bytes_, splices, kinds[2], bytes_, kinds[3])):
        yield next(kind)


def single_bytes(rng: random.Random, tokens: list[str]) -> Iterator[str]:
    """Every byte at every place of every token, and then again."""
    while True:
        for byte in rng.sample(range(256), 256):
            for token in tokens:
                for place in range(len(token)):
                    yield token[:place] + chr(byte) + token[place + 1 :]


def _splices(rng: random.Random, tokens: list[str]) -> Iterator[str]:
    """Parts of genuine tokens put together anew: of other senders, purposes and versions."""
    while True:
        parts = [rng.choice(tokens).split(".") for _ in range(3)]
        yield ".".join(part[index] for index, part in enumerate(parts))
        format_version, sender = rng.choice(tokens)[:2], rng.choice(tokens)[2:10]
        yield format_version + sender + rng.choice(tokens)[10:]
        left, right = rng.sample(tokens, 2)
        yield left[0] + right[1:]
        yield left[:1] + right[1:2] + left[2:]
        yield left[: rng.randrange(len(left))] + right[rng.randrange(len(right)) :]
        place = rng.randrange(min(len(left), len(right)))
        yield left[:place] + right[place:]


def _spellings(rng: random.Random, tokens: list[str]) -> Iterator[str]:
    """Other texts of the same octets, for a decoder that is not strict."""
    while True:
        head, sealed, signature = rng.choice(tokens).split(".")
        char = rng.choice(VERSION_CHARS)
        yield f"{head}.{sealed}.{signature[:-1]}{char}"
        yield f"{head}.{sealed[:-1]}{char}.{signature}"
        yield f"{head}.{sealed}.{signature}{'=' * rng.randrange(1, 4)}"
        yield f"{head}.{sealed}{'=' * rng.randrange(1, 4)}.{signature}"
        yield f"{head}.{sealed}.{signature}".translate(rng.choice(_RESPELLED))
        noise = rng.choice(" \t\r\n\0=!\x7f\xa0\u200b\ufeff")
        place = rng.randrange(len(sealed))
        yield f"{head}.{sealed[:place]}{noise}{sealed[place:]}.{signature}"


_RESPELLED = (
    str.maketrans("-_", "+/"),
    str.maketrans("-_", "_-"),
    str.maketrans(string.ascii_letters, string.ascii_letters.swapcase()),
    # Full-width forms, which compatibility normalisation makes ASCII again.
    {code: code + 0xFEE0 for code in range(0x21, 0x7F)},
    str.maketrans("sk", "\u017f\u212a"),
)


def _lengths(rng: random.Random, tokens: list[str]) -> Iterator[str]:
    """Cut, doubled, with something in it that was not there."""
    while True:
        token = rng.choice(tokens)
        place, end = sorted(rng.sample(range(len(token) + 1), 2))
        yield token[:place]
        yield token[end:]
        yield token[:place] + token[end:]
        yield token[:place] + token[place:end] * 2 + token[end:]
        yield token[:place] + rng.choice(string.printable) + token[place:]
        yield token + rng.choice(("=", "\n", ".", "A", "\0", " ", "%3D", "/", "?a", "é", "\u200b", token))
        yield rng.choice(("=", "\n", ".", "A", "\0", " ", "/", "\ufeff")) + token
        yield token + "A" * rng.choice((1_000, 100_000))


def _fuzz(rng: random.Random) -> Iterator[str]:
    """Texts of a token's form with nothing genuine in them, and texts of no form."""
    while True:
        yield ".".join(
            (
                rng.choice("op") + rng.choice("AAABBC-_") + "".join(rng.choices(_SENDER_CHARS, k=8)),
                "".join(rng.choices(VERSION_CHARS, k=rng.randrange(40, 390))),
                "".join(rng.choices(VERSION_CHARS, k=42)) + rng.choice("AEIMQUYcgkosw048B"),
            )
        )
        yield "".join(rng.choices(string.printable, k=rng.randrange(150)))
        yield "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randrange(1, 30)))
        yield "".join(chr(rng.randrange(0xD800, 0xE000)) for _ in range(119))


class _Lying(str):
    """A genuine token in a type that raises as soon as it is used."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        raise RuntimeError

    def __getitem__(self, _: object) -> str:
        raise RuntimeError


class _Masked:
    """An object that does not even say what it is."""

    def __getattribute__(self, _: str) -> NoReturn:
        raise RuntimeError


def _types(rng: random.Random, tokens: list[str]) -> Iterator[object]:
    """Whatever else a caller could hand over."""
    while True:
        token = rng.choice(tokens)
        octets = token.encode()
        yield from (None, True, rng.getrandbits(64), -1, float("nan"), 1e300, ..., object(), str)
        yield from (octets, bytearray(octets), memoryview(octets), rng.randbytes(119))
        yield from ([token], (token,), {token: token}, {token}, list(token), iter(token))
        yield from (_Lying(token), _Masked(), 10**400, Exception(token))


def _try_genuine(keyring: Keyring, token: str, opener: Opener) -> Report:
    outcome = _outcome(keyring, token, opener)
    if outcome == "accepted":
        return Report(genuine=1)
    return Report(genuine=1, genuine_refused=1, examples=(f"  genuine, {outcome}: {token}",))


def _outcome(keyring: Keyring, case: object, opener: Opener) -> str:
    try:
        opener(keyring, case)
    except InvalidToken:
        return "refused"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- what is counted here; a panic in compiled code is no Exception
        return type(error).__name__
    return "accepted"


def run_with_workers(cases: int, seed: int, workers: int, show: Callable[[Report], None]) -> Report:
    """The same report as `run`, made by several processes; `show` gets the sum so far after each batch."""
    total = Report()
    # Spawned, not forked: a fork copies whatever threads hold.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for report in pool.imap(run_batch, batches(cases, seed)):
            total += report
            show(total)
    return total


def _show_progress(cases: int, started: float, report: Report) -> None:
    seconds = time.monotonic() - started
    sys.stderr.write(f"{report.cases:,} of {cases:,} in {seconds:,.0f} s: {report}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line: 0 if nothing went wrong, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.token_mutations", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--cases", type=int, default=50_000_000, help="how many mutated tokens (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which cases (default: %(default)s)")
    options = parser.parse_args(arguments)
    show = partial(_show_progress, options.cases, time.monotonic())
    report = run_with_workers(options.cases, options.seed, options.workers, show)
    sys.stdout.write(f"{report}\n")
    return int(report.is_failure)


if __name__ == "__main__":
    sys.exit(main())
