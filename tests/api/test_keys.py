"""`/v1/keys`: made, shown once, followed by another, revoked."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from app import app
from chalicelib.domain.errors import ActRefused
from chalicelib.domain.senders import Sender
from chalicelib.keyring import Keyring, KeyState, MasterKey
from chalicelib.use_cases.keys import MOST_LIVE, create_key, follow_key, revoke_key
from chalicelib.use_cases.repeating import Request
from tests.api.test_openapi import answer_errors
from tests.gateway import Answer, send
from tests.site import ADDRESS, CODE, DAY, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.callers import Caller

CHECK = json.dumps({"category": "news", "addresses": [ADDRESS]}).encode()


@pytest.fixture
def admin(caller: Caller) -> str:
    return caller.key("admin")


def bearer(key: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", **{name.replace("_", "-"): text for name, text in headers.items()}}


def make(admin: str, body: Any, **headers: str) -> Answer:
    answer = send("POST", "/v1/keys", headers=bearer(admin, **headers), body=json.dumps(body).encode())
    assert answer_errors("/v1/keys", "post", answer) == []
    return answer


def made(admin: str, body: Any, **headers: str) -> dict[str, Any]:
    answer = make(admin, body, **headers)
    assert answer.status == 201, answer.body
    told: dict[str, Any] = json.loads(answer.body)
    return told


def listed(admin: str) -> dict[str, dict[str, Any]]:
    answer = send("GET", "/v1/keys", headers=bearer(admin))
    assert answer_errors("/v1/keys", "get", answer) == []
    return {key["id"]: key for key in json.loads(answer.body)["keys"]}


def revoke(admin: str, key_id: str) -> Answer:
    answer = send("DELETE", "/v1/keys/{key_id}", {"key_id": key_id}, headers=bearer(admin))
    assert answer_errors("/v1/keys/{key_id}", "delete", answer) == []
    return answer


def check(key: str) -> int:
    return send("POST", "/v1/check", headers=bearer(key), body=CHECK).status


def id_of(key: str) -> str:
    return key.split("_")[1]


def test_a_new_key_does_what_its_scopes_say_and_its_text_is_stored_nowhere(site: Site, admin: str) -> None:
    key = made(admin, {"scopes": ["read"]})

    assert check(key["key"]) == 200
    assert send("POST", "/v1/links", headers=bearer(key["key"]), body=b"{}").status == 403
    secret = key["key"].split("_")[2]
    assert secret not in str(site.tables.items(site.tables.names.control))
    assert secret not in str(listed(admin))
    assert listed(admin)[key["id"]]["scopes"] == ["read"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scopes": []},
        {"scopes": ["all"]},
        {"scopes": "read"},
        {"scopes": [7]},
        {"scopes": ["read"], "replaces": "x"},
    ],
)
def test_a_key_that_cannot_be(admin: str, body: Any) -> None:
    before = listed(admin)
    assert make(admin, body).status == 400
    assert listed(admin) == before


def test_a_key_and_its_follower_both_work_until_the_old_one_is_revoked(admin: str) -> None:
    old = made(admin, {"scopes": ["read", "links"]})
    new = made(admin, {"replaces": old["id"]})

    assert (new["scopes"], new["replaces"]) == (["links", "read"], old["id"])
    assert (check(old["key"]), check(new["key"])) == (200, 200)
    assert make(admin, {"replaces": old["id"]}).status == 409, "two are live, not three"
    assert revoke(admin, old["id"]).status == 200
    assert (check(old["key"]), check(new["key"])) == (401, 200)
    assert make(admin, {"replaces": old["id"]}).status == 409, "a revoked key has no followers"


def test_a_follower_that_was_revoked_makes_room_for_another(admin: str) -> None:
    old = made(admin, {"scopes": ["read"]})
    revoke(admin, made(admin, {"replaces": old["id"]})["id"])

    assert make(admin, {"replaces": old["id"]}).status == 201


def test_revoking_twice_is_revoking_once(site: Site, admin: str) -> None:
    key = made(admin, {"scopes": ["read"]})
    first = revoke(admin, key["id"])
    site.clock.milliseconds += 5_000

    assert revoke(admin, key["id"]).body == first.body
    assert json.loads(first.body)["revoked"] is not None


def test_the_last_key_that_may_administer_stays(admin: str) -> None:
    """Nobody locks themselves out."""
    assert revoke(admin, id_of(admin)).status == 409
    other = made(admin, {"scopes": ["admin"]})
    assert revoke(admin, id_of(admin)).status == 200
    assert revoke(other["key"], other["id"]).status == 409


def test_the_day_of_the_last_use_is_noted_once_a_day(site: Site, admin: str) -> None:
    key = made(admin, {"scopes": ["read"]})
    assert listed(admin)[key["id"]]["last_used"] is None
    for days in (0, 3):
        site.clock.milliseconds += days * DAY
        check(key["key"])
        today = datetime.fromtimestamp(site.clock.milliseconds / 1000, UTC).date().isoformat()
        assert listed(admin)[key["id"]]["last_used"] == today


@pytest.mark.parametrize("body", [{"scopes": ["read"]}, "follow"])
def test_the_same_request_makes_one_key_and_shows_it_again(admin: str, body: Any) -> None:
    """G3, although the text of a key is stored nowhere."""
    told = {"replaces": made(admin, {"scopes": ["links"]})["id"]} if body == "follow" else body

    first, second = (made(admin, told, Idempotency_Key="once") for _ in range(2))

    assert first == second
    assert made(admin, {"scopes": ["read"]}) != first
    assert make(admin, {"scopes": ["write"]}, Idempotency_Key="once").status == 422


@pytest.mark.parametrize("body", [{"scopes": ["read"]}, "follow"])
def test_a_rotation_between_a_request_and_its_repetition_makes_no_other_key(site: Site, admin: str, body: Any) -> None:
    """G3: the version of the master key was noted with the request."""
    told = {"replaces": made(admin, {"scopes": ["links"]})["id"]} if body == "follow" else body
    first = made(admin, told, Idempotency_Key="once")
    rotate(site)

    assert made(admin, told, Idempotency_Key="once") == first
    assert check(first["key"]) == (403 if body == "follow" else 200)
    other = made(admin, {"scopes": ["read"]}, Idempotency_Key="another")
    assert (first["key"].split("_")[3][0], other["key"].split("_")[3][0]) == ("B", "C")


def rotate(site: Site) -> None:
    old = replace(site.service.keyring.minting, state=KeyState.VERIFYING)
    keyring = Keyring([old, MasterKey(2, bytes(range(1, 33)), KeyState.MINTING)])
    app._service = replace(site.service, settings=replace(site.service.settings, keyring=keyring))


def test_another_senders_keys_are_not_there(site: Site, caller: Caller, admin: str) -> None:
    mine = site.service.senders.get(CODE)
    site.service.senders.create(Sender("othersnd", "Other", mine.catalogue, bytes(32)))
    other = caller.key("admin", "read", code="othersnd")
    before = listed(admin)

    assert set(listed(other)) == {id_of(other)}
    assert revoke(other, id_of(admin)).status == 404
    assert make(other, {"replaces": id_of(admin)}).status == 404
    made_there = made(other, {"scopes": ["read"]}, Idempotency_Key="same")
    made_here = made(admin, {"scopes": ["read"]}, Idempotency_Key="same")
    assert made_there["key"] != made_here["key"]
    assert set(listed(admin)) == {*before, made_here["id"]}


@pytest.mark.parametrize("key_id", ["x", "a" * 16, "", "%2e%2e", "a" * 5_000])
def test_a_key_that_is_not_there(admin: str, key_id: str) -> None:
    assert revoke(admin, key_id).status == 404


def test_there_are_not_endlessly_many(site: Site, caller: Caller, admin: str) -> None:
    for _ in range(MOST_LIVE - 1):
        caller.key("read")

    refused = make(admin, {"scopes": ["read"]})

    assert refused.status == 409
    assert "revoke one first" in refused.body


def at_once(work: Callable[[int], int], count: int) -> list[int]:
    with ThreadPoolExecutor(8) as pool:
        return sorted(pool.map(work, range(count)))


def test_of_many_who_follow_a_key_at_once_one_does(site: Site) -> None:
    """Two are live, whatever the containers do beside each other."""
    sender = site.service.senders.get(CODE)
    first, _ = create_key(site.service, sender, frozenset({"read"}), Request(None, ""))

    def follow(_: int) -> int:
        try:
            follow_key(site.service, sender, first.id, Request(None, ""))
        except ActRefused:
            return 0
        return 1

    assert at_once(follow, 8) == [0] * 7 + [1]


def test_of_two_who_administer_one_stays_when_both_are_revoked_at_once(site: Site) -> None:
    sender = site.service.senders.get(CODE)
    keys = [create_key(site.service, sender, frozenset({"admin"}), Request(None, ""))[0] for _ in range(2)]

    def revoke(number: int) -> int:
        try:
            revoke_key(site.service, sender, keys[number].id)
        except ActRefused:
            return 0
        return 1

    assert at_once(revoke, 2) == [0, 1]
    assert sum(key.is_live for key in site.service.keys.list(CODE)) == 1
