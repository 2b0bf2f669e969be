"""The items of both tables, as PynamoDB models. Private to the store: what comes out of it speaks domain.

Recipients table, partition key `sender#shard`:   recipient#<id>, log#<seq, 12 digits>, head, op#<id>,
                                                  evidence#<recipient id>#<act id>, job#<job id>
Control table, partition key `sender#<code>`:     sender, erasure, logo, key#<id>, keys, import#<id>, export#<id>
               partition key `limit#<code>`:      <what is counted>#<hour>, key#<key id>#<minute>
"""

from __future__ import annotations

import base64

from pynamodb.attributes import Attribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.constants import BINARY
from pynamodb.models import Model

PK = "pk"
SK = "sk"
HEAD = "head"
SENDER = "sender"
ERASURE = "erasure"
LOGO = "logo"


class OctetsAttribute(Attribute[bytes]):
    """Octets, in base64 on their way: PynamoDB's own attribute leaves that to the client of botocore."""

    attr_type = BINARY

    def serialize(self, value: bytes) -> str:
        """As DynamoDB's JSON has it."""
        return base64.b64encode(value).decode("ascii")

    def deserialize(self, value: str) -> bytes:
        """What `serialize` wrote."""
        return base64.b64decode(value)


class _Item(Model):
    pk = UnicodeAttribute(hash_key=True, attr_name=PK)
    sk = UnicodeAttribute(range_key=True, attr_name=SK)


class RecipientItem(_Item):
    """State and what is beside it. `latest` is `[signature, recorded]`, `recent` `[[act id, seq], …]`, as JSON."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "recipients"

    version = NumberAttribute(attr_name="v")
    state = UnicodeAttribute(attr_name="st")
    recent = UnicodeAttribute(attr_name="re")
    latest = UnicodeAttribute(attr_name="la", null=True)
    address = UnicodeAttribute(attr_name="ad", null=True)


class EntryItem(_Item):
    """One line of the ledger. `act`, `formers`, `effects` and `earlier` as JSON."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "recipients"

    recipient = UnicodeAttribute(attr_name="r")
    act = UnicodeAttribute(attr_name="act")
    recorded = NumberAttribute(attr_name="t")
    version = NumberAttribute(attr_name="v")
    previous = NumberAttribute(attr_name="p")
    formers = UnicodeAttribute(attr_name="f", null=True)
    effects = UnicodeAttribute(attr_name="e", null=True)
    earlier = UnicodeAttribute(attr_name="pp", null=True)


class SenderEntryItem(_Item):
    """One line of the ledger of shard 0 that tells of the sender itself; `category` as JSON, if it is about one."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "recipients"

    sender_version = NumberAttribute(attr_name="sv")
    recorded = NumberAttribute(attr_name="t")
    category = UnicodeAttribute(attr_name="c", null=True)


class HoleItem(_Item):
    """The place of a line of the ledger that was lost."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "recipients"

    lost = BooleanAttribute()
    recorded = NumberAttribute(attr_name="t")


class HeadItem(_Item):
    """The last number of a shard's ledger."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "recipients"

    seq = NumberAttribute()
    epoch = NumberAttribute()


class OperationItem(_Item):
    """An idempotency key that was used: the hash of its body, when it came first, and the answer, where one is kept."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "recipients"

    body = UnicodeAttribute(attr_name="b")
    received = NumberAttribute(attr_name="t")
    own = UnicodeAttribute(attr_name="o")
    key_version = NumberAttribute(attr_name="kv", null=True)
    answer = UnicodeAttribute(attr_name="a", null=True)
    expires = NumberAttribute()


class EvidenceItem(_Item):
    """What shows a consent: how it was given, to which words, and where that is known from. Deleted by an erasure."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "recipients"

    how = UnicodeAttribute()
    wording = UnicodeAttribute()
    source = UnicodeAttribute()


class ProgressItem(_Item):
    """How far a job has come in one shard: the last line that is recorded, and its counts of rows."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "recipients"

    line = NumberAttribute()
    changed = NumberAttribute()
    unchanged = NumberAttribute()
    expires = NumberAttribute()


class SenderItem(_Item):
    """A sender with its categories (JSON), the wrapped pepper and the pepper's fingerprint (base64).

    `profile` and `changes`, the ids of its last changes, newest first, as JSON; rows of before have neither, and no
    `closed`.
    """

    class Meta:
        """The table; `bind` names it."""

        table_name = "control"

    version = NumberAttribute(attr_name="v")
    name = UnicodeAttribute()
    categories = UnicodeAttribute()
    shards = NumberAttribute()
    hashed = BooleanAttribute()
    form_open = BooleanAttribute()
    pepper = UnicodeAttribute()
    fingerprint = UnicodeAttribute()
    profile = UnicodeAttribute(null=True)
    changes = UnicodeAttribute(null=True)
    closed = BooleanAttribute(null=True)


class ErasureItem(_Item):
    """How often somebody was erased: a file that was begun at another count may hold an address that is gone."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "control"

    times = NumberAttribute(attr_name="n")


class LogoItem(_Item):
    """A sender's logo: its octets, and what they are, as JSON. Written with the sender's row, which tells of it."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "control"

    image = OctetsAttribute()
    about = UnicodeAttribute()


class KeyItem(_Item):
    """An API key: the SHA-256 of its secret, its scopes, and whether it was revoked. Revoked rows stay."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "control"

    digest = UnicodeAttribute()
    scopes = UnicodeAttribute()
    created = NumberAttribute()
    revoked = NumberAttribute(null=True)
    last_used = NumberAttribute(null=True)
    replaces = UnicodeAttribute(null=True)


class JobItem(_Item):
    """An import or an export: what was asked for, and how far it has come, as JSON. Never expires."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "control"

    version = NumberAttribute(attr_name="v")
    status = UnicodeAttribute()
    created = NumberAttribute()
    key = UnicodeAttribute()
    wanted = UnicodeAttribute()
    done = UnicodeAttribute()


class TurnItem(_Item):
    """How often a sender's keys were changed: who decides by the list of them writes only if nobody came between."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "control"

    turn = NumberAttribute(attr_name="n")


class LimitItem(_Item):
    """How often something happened in one hour, or one minute. Holds no address, and nothing by which to find one."""

    class Meta:
        """The table; `bind` names it."""

        table_name = "control"

    uses = NumberAttribute(attr_name="n")
    expires = NumberAttribute()


_RECIPIENT_TABLE: tuple[type[_Item], ...] = (
    RecipientItem,
    EntryItem,
    SenderEntryItem,
    HoleItem,
    HeadItem,
    OperationItem,
    EvidenceItem,
    ProgressItem,
)
_CONTROL_TABLE: tuple[type[_Item], ...] = (SenderItem, ErasureItem, LogoItem, KeyItem, TurnItem, JobItem, LimitItem)


def bind(recipients_table: str, control_table: str) -> None:
    """Names the tables. PynamoDB keeps a model's table with its class, so one process serves one pair of tables."""
    for model in _RECIPIENT_TABLE:
        model.Meta.table_name = recipients_table
    for model in _CONTROL_TABLE:
        model.Meta.table_name = control_table
