"""Every error that Signoff raises on purpose, in one tree.

An error carries facts and knows nothing of HTTP: `boundary.py` alone turns it into a response.
No error ever holds an address, a token or a secret, so that each may be logged as it is.
"""

from __future__ import annotations


class SignoffError(Exception):
    """The root of the tree."""


class InvalidAddress(SignoffError):
    """A text that is not a mail address. `reason` says why, without repeating the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidToken(SignoffError):
    """A link that was not minted here, or not whole any more. Why is nobody's business."""

    def __init__(self) -> None:
        super().__init__("the link is not valid")


class InvalidRequest(SignoffError):
    """A request whose content cannot be used. `pointer` is an RFC 6901 path into its JSON body ("" for the whole)."""

    def __init__(self, reason: str, pointer: str = "") -> None:
        super().__init__(f"{pointer}: {reason}" if pointer else reason)
        self.reason = reason
        self.pointer = pointer


class NotJson(InvalidRequest):
    """A body that is not JSON as RFC 8259 has it (NaN, a repeated name, nesting past the limit, broken UTF-8)."""


class TooLarge(SignoffError):
    """A body over the limit, in octets."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is over {limit} octets")
        self.limit = limit


class MethodNotAllowed(SignoffError):
    """A method that this path does not have; `allowed` are those that it has."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(f"possible here: {', '.join(allowed)}")
        self.allowed = allowed


class NothingHere(SignoffError):
    """A path that leads to nothing."""

    def __init__(self) -> None:
        super().__init__("there is nothing at this address")


class UnsupportedMediaType(SignoffError):
    """A body of a kind that the route does not read; `accepted` names what it does read."""

    def __init__(self, accepted: str) -> None:
        super().__init__(f"send {accepted}")
        self.accepted = accepted


class CannotOptOut(SignoffError):
    """An opt-out of a service alert, which nobody can opt out of. `pointer` is where it is named, if that is told."""

    def __init__(self, category: str, pointer: str | None = None) -> None:
        super().__init__(f"{category!r} is a service alert: nobody can opt out of it")
        self.category = category
        self.pointer = pointer


class FormClosed(SignoffError):
    """The sender has switched its opt-out form off."""

    def __init__(self) -> None:
        super().__init__("this form is switched off")


class UnknownSender(SignoffError):
    """No sender has this code."""


class UnknownCategory(SignoffError):
    """The sender has no category of this id or number. `pointer` is where it is named, if that is told."""

    def __init__(self, category: str, pointer: str | None = None) -> None:
        super().__init__("the sender has no such category")  # what was asked for may be an address
        self.category = category
        self.pointer = pointer


class UnknownRecipient(SignoffError):
    """Nothing is stored of this recipient."""

    def __init__(self) -> None:
        super().__init__("nothing is stored of this recipient")


class UnknownKey(SignoffError):
    """The sender has no API key of this id."""

    def __init__(self) -> None:
        super().__init__("the sender has no such API key")


class UnknownJob(SignoffError):
    """The sender has no import or export of this id."""

    def __init__(self) -> None:
        super().__init__("the sender has no such import or export")


class CategoryRefused(SignoffError):
    """A change of a category that the rules forbid (conformance C7, H3, H10)."""

    def __init__(self, category: str, reason: str) -> None:
        super().__init__(f"category {category!r}: {reason}")
        self.category = category
        self.reason = reason


class VersionMoved(SignoffError):
    """A change of something that has changed since it was read; `version` is the one it has now."""

    def __init__(self, version: int) -> None:
        super().__init__(f"it has changed since: its version is {version} now")
        self.version = version


class NoLogo(SignoffError):
    """The sender has no logo."""

    def __init__(self) -> None:
        super().__init__("the sender has no logo")


class ActRefused(SignoffError):
    """An act that this source may not do, or that cannot be done to this recipient."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidCursor(SignoffError):
    """A cursor that was not made here for this sender and this list."""

    def __init__(self) -> None:
        super().__init__("this cursor is not one of this list: begin without a cursor")


class CursorExpired(SignoffError):
    """A cursor of the time before the store was restored: what came after it cannot be told."""

    def __init__(self) -> None:
        super().__init__("this cursor is too old: take the whole list again, then follow the cursor that comes with it")


class IdempotencyMismatch(SignoffError):
    """The idempotency key was used before, with another body (conformance G3)."""

    def __init__(self) -> None:
        super().__init__("this idempotency key was used with another body")


class Unauthenticated(SignoffError):
    """No API key, a malformed one, an unknown one or a revoked one: which, is not said."""

    def __init__(self) -> None:
        super().__init__("the API key is missing or not valid")


class Forbidden(SignoffError):
    """A good API key that lacks a scope."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"the API key lacks the scope {scope!r}")
        self.scope = scope


class SenderClosed(SignoffError):
    """A good API key of a sender that was closed."""

    def __init__(self) -> None:
        super().__init__(
            "this sender is closed: its links, pages and opt-outs go on working, its API does not; "
            "who runs this service can open it again"
        )


class TooManyRequests(SignoffError):
    """Over a budget; `retry_after` in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many requests; again in {retry_after} s")
        self.retry_after = retry_after


class BadFile(SignoffError):
    """A file that cannot be read as rows at all, or not to its end. `reason` holds nothing of its content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownLayout(SignoffError):
    """A file whose columns nobody can tell. `reason` says what to do, and holds nothing of the file's content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RowRefused(SignoffError):
    """A row of an import from which nothing is taken. `reason` holds nothing of its content.

    `column` is what the cell is about (`address`, `at`, …) or the path of the JSON field; "" for the whole row.
    """

    def __init__(self, reason: str, column: str = "") -> None:
        super().__init__(f"{column}: {reason}" if column else reason)
        self.reason = reason
        self.column = column


class StoreUnavailable(SignoffError):
    """The store did not answer, or not in time. Nothing is known to have been written; `retry_after` in seconds."""

    def __init__(self, reason: str, retry_after: int = 2) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class PepperUnusable(StoreUnavailable):
    """A sender's pepper is missing, does not unwrap, or does not match its fingerprint.

    A wrong pepper would find no recipient and so say "may send" for all: everything of that sender stops instead.
    """

    def __init__(self, sender: str) -> None:
        super().__init__(f"the pepper of sender {sender} is unusable", retry_after=60)
        self.sender = sender


class JobFailed(SignoffError):
    """A job did not come to its end, and why is in the log. Its message comes again."""

    def __init__(self) -> None:
        super().__init__("a job failed and will be tried again")


class NoProgress(SignoffError):
    """A run of the job used its time up, and the job is no further than when the message for it was sent."""

    def __init__(self, job: str) -> None:
        super().__init__(f"{job} came no further")
        self.job = job


class SettingsError(SignoffError):
    """A setting that is missing or wrong; the text names it and says what it should be."""
