"""The choice of a language on a page: it is kept, costs nothing, and no page says more for it than is so."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from chalicelib.domain.acts import Act, Consented, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.markup import Markup
from chalicelib.tokens import PREFERENCES_DAYS, Purpose
from chalicelib.web.languages import OFFERED
from chalicelib.web.voices import Voice, plain
from tests.site import ADDRESS, CODE, DAY, Site
from tests.web.test_pages import PAGES, Document

if TYPE_CHECKING:
    from chalice.test import HTTPResponse


FORM = "application/x-www-form-urlencoded"


def chosen(answer: HTTPResponse, code: str) -> str:
    """Where a page leads who chooses this language."""
    [query] = re.findall(rf'<a href="(\?[^"]*lang={code})"', answer.body.decode())
    return html.unescape(query)


class TestTheChoice:
    def test_is_kept_by_every_link_and_form(self, site: Site) -> None:
        for name, make in PAGES.items():
            method, path, body = make(site)
            asked = f"{path}{'&' if '?' in path else '?'}lang=ja"
            page = Document(site.client.http.request(method, asked, headers={}, body=body).body.decode())
            assert page.all("html") == [{"lang": "ja", "dir": "ltr"}], name
            ours = [str(form["action"]) for form in page.all("form")]
            ours += [str(link["href"]) for link in page.all("a") if str(link["href"]).startswith("/")]
            assert all(target.endswith(("?lang=ja", "&lang=ja")) for target in ours), name

    def test_is_in_no_url_until_it_is_made(self, site: Site) -> None:
        token = site.token(1, Purpose.PREFERENCES)
        page = Document(site.client.http.get(f"/p/{token}", headers={"Accept-Language": "ja"}).body.decode())
        ours = [str(form["action"]) for form in page.all("form")]
        ours += [str(link["href"]) for link in page.all("a") if not str(link["href"]).startswith("?")]
        assert ours
        assert not [target for target in ours if "lang" in target]

    @pytest.mark.parametrize("path", ["/u/{}", "/u/{}/all"])
    @pytest.mark.parametrize("purpose", list(Purpose))
    def test_on_the_page_of_an_opt_out_shows_it_again(self, site: Site, path: str, purpose: Purpose) -> None:
        where = path.format(site.token(1, purpose))
        done = site.post(where)
        entries = site.entries()

        answer = site.client.http.get(where + chosen(done, "de"))

        assert b"abgemeldet" in answer.body
        assert (b"/undo" in answer.body) is (b"/undo" in done.body) is (purpose is Purpose.PREFERENCES)
        assert site.entries() == entries
        assert chosen(answer, "fr") == chosen(done, "fr")

    def test_on_the_page_of_what_was_saved_offers_its_undo_still(self, site: Site) -> None:
        path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
        saved = site.post(path, b"shown=news&before=news&version=0", Content_Type=FORM)
        [act] = re.findall('name="act" value="([^"]+)"', saved.body.decode())

        answer = site.client.http.get(path + chosen(saved, "de"))

        assert f'name="act" value="{act}"' in answer.body.decode()
        assert b'role="status"' in answer.body

    def test_after_something_newer_claims_nothing(self, site: Site) -> None:
        """H6: what a URL names is shown as done while it holds, and never because the URL says so."""
        token = site.token(1, Purpose.PREFERENCES)
        done = site.post(f"/u/{token}")
        [act] = re.findall('name="act" value="([^"]+)"', done.body.decode())
        site.post(f"/p/{token}/undo", f"act={act}".encode(), Content_Type=FORM)

        for path in (f"/u/{token}", f"/p/{token}"):
            answer = site.client.http.get(f"{path}?done={act}")
            assert b"unsubscribed" not in answer.body
            assert b'role="status"' not in answer.body

    def test_after_consent_claims_nothing(self, site: Site) -> None:
        """H6: the choice stands, and lets mail through all the same."""
        done = site.post(f"/u/{site.token(2)}")
        place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
        now = site.clock.milliseconds + DAY
        site.clock.milliseconds = now
        site.service.ledger.record(place, Act("a_c", Via.API, (Consented("offers", now, "a_c"),)))
        assert site.reasons()["offers"] is None

        answer = site.client.http.get(f"/u/{site.token(2)}{chosen(done, 'de')}")

        assert b'role="status"' not in answer.body

    def test_after_a_choice_beneath_all_claims_nothing(self, site: Site) -> None:
        token = site.token(1, Purpose.PREFERENCES)
        done = site.post(f"/u/{token}/all")
        site.post(f"/p/{token}", b"shown=offers&wanted=offers&version=1", Content_Type=FORM)
        assert site.reasons()["offers"] is None

        answer = site.client.http.get(f"/u/{token}/all{chosen(done, 'de')}")

        assert b'role="status"' not in answer.body

    def test_after_an_undo_and_an_erasure_says_again_what_came_of_it(self, site: Site) -> None:
        path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
        stopped = site.post(path, b"shown=news&before=news&version=0", Content_Type=FORM)
        [act] = re.findall('name="act" value="([^"]+)"', stopped.body.decode())
        undone = site.post(f"{path}/undo", f"act={act}".encode(), Content_Type=FORM)
        erased = site.post(f"{path}/erase", f"address={ADDRESS}".encode(), Content_Type=FORM)

        again = site.client.http.get(f"{path}/undo{chosen(undone, 'de')}")
        assert b'role="status"' not in again.body, "an erasure came since"
        assert b'role="status"' in site.client.http.get(f"{path}/erase{chosen(erased, 'de')}").body

    @pytest.mark.parametrize("act", ["", "x", "o_nothing", "*", "<b>", "o_" + "a" * 400])
    def test_an_act_that_is_none_of_the_recipients_is_nothing(self, site: Site, act: str) -> None:
        other = site.token(1, Purpose.PREFERENCES, "ada@example.com")
        site.post(f"/u/{other}")
        token = site.token(1, Purpose.PREFERENCES)
        for path in (f"/u/{token}", f"/p/{token}"):
            plainly = site.client.http.get(path).body
            assert site.client.http.get(f"{path}?done={act}").body == plainly

    def test_somebody_elses_act_is_nothing(self, site: Site) -> None:
        other = site.post(f"/u/{site.token(1, Purpose.PREFERENCES, 'ada@example.com')}")
        [act] = re.findall('name="act" value="([^"]+)"', other.body.decode())
        for path in (f"/u/{site.token(1)}", f"/p/{site.token(1, Purpose.PREFERENCES)}"):
            assert site.client.http.get(f"{path}?done={act}").body == site.client.http.get(path).body

    def old_form(self, site: Site) -> tuple[str, HTTPResponse]:
        """The path of an old link, and what its form was answered that stopped two kinds of mail."""
        path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
        site.clock.milliseconds += (PREFERENCES_DAYS + 1) * DAY
        return path, site.post(path, b"shown=news+offers&before=news+offers&version=0", Content_Type=FORM)

    def test_after_an_old_link_s_form_tells_again_what_it_stopped(self, site: Site) -> None:
        path, saved = self.old_form(site)
        entries = site.entries()

        answer = site.client.http.get(path + chosen(saved, "de"))

        [said] = re.findall('role="status"[^>]*>(.*?)</p>', answer.body.decode())
        assert plain(Markup(said)) == "Gespeichert. Test & Sons sendet Ihnen News <b> und Offers künftig nicht."  # noqa: S704
        assert b"/p/" not in answer.body
        assert site.entries() == entries
        english = site.client.http.get(path + chosen(answer, "en"))
        assert re.sub(rb"<nav.*?</nav>", b"", english.body).replace(b"?lang=en", b"") == re.sub(
            rb"<nav.*?</nav>", b"", saved.body
        )

    def test_after_an_old_link_s_form_tells_what_still_holds(self, site: Site) -> None:
        """H6: consent has come since, first for one kind, then for the other."""
        path, saved = self.old_form(site)
        again = path + chosen(saved, "fr")
        for lifted, rest in (("offers", ["News"]), ("news", [])):
            site.clock.milliseconds += DAY
            at = site.clock.milliseconds
            place = site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
            site.service.ledger.record(place, Act(f"a_{lifted}", Via.API, (Consented(lifted, at, f"a_{lifted}"),)))

            answer = site.client.http.get(again).body.decode()

            [*told] = re.findall('role="status"[^>]*>(.*?)</p>', answer)
            assert [name for said in told for name in ("News", "Offers") if name in said] == rest
            assert len(told) == len(rest)

    def test_after_an_old_link_s_form_needs_the_act(self, site: Site) -> None:
        path, saved = self.old_form(site)
        for done in ("p_x", "o_x", "", chosen(saved, "de")[7:20]):
            assert b'role="status"' not in site.client.http.get(f"{path}?done={done}").body

    def typed(self, site: Site, address: str = ADDRESS) -> HTTPResponse:
        return site.post(f"/o/{CODE}", f"address={quote(address)}".encode(), Content_Type=FORM)

    def test_after_the_opt_out_form_tells_that_an_address_was_typed(self, site: Site) -> None:
        """F5, H6: by a receipt that holds the day, and is the same for every address; not that the reader's was."""
        done = self.typed(site)
        entries, today = site.entries(), Voice(language=OFFERED["de"]).date(site.clock.milliseconds)

        answer = site.client.http.get(f"/o/{CODE}{chosen(done, 'de')}")

        assert f"Am {today} wurde hier eine Adresse eingegeben" in answer.body.decode()
        assert b'role="status"' in answer.body
        assert b"abgemeldet" not in answer.body
        assert site.entries() == entries
        assert chosen(answer, "fr") == chosen(done, "fr") == chosen(self.typed(site, "else@example.com"), "fr")

    def test_a_receipt_of_the_opt_out_form_is_of_one_sender_and_of_these_days(self, site: Site) -> None:
        other = replace(site.service.senders.get(CODE), code="othersnd")
        site.service.senders.create(other)
        query = chosen(self.typed(site), "de")
        receipt = query.removeprefix("?done=").partition("&")[0]

        def is_told(path: str) -> bool:
            answer = site.client.http.get(path)
            assert answer.status_code == 200
            assert (b'name="address"' in answer.body) is not (b'role="status"' in answer.body)
            return b'role="status"' in answer.body

        assert is_told(f"/o/{CODE}{query}")
        assert not is_told(f"/o/othersnd{query}")
        for forged in ("", "x", receipt[:-2], f"{receipt}AA", "A" + "x" * 5_000, "\u00e9", "done"):
            assert not is_told(f"/o/{CODE}?done={quote(forged)}")
        site.clock.milliseconds += DAY
        assert is_told(f"/o/{CODE}{query}")
        site.clock.milliseconds += DAY
        assert not is_told(f"/o/{CODE}{query}")

    def test_keeps_the_page_of_the_history(self, site: Site) -> None:
        path = f"/p/{site.token(1, Purpose.PREFERENCES)}"
        for number in range(12):
            wanted = b"&wanted=news" if number % 2 else b""
            before = b"" if number % 2 else b"&before=news"
            site.post(path, b"shown=news&version=%d" % number + before + wanted, Content_Type=FORM)
        page = site.client.http.get(f"{path}/history").body.decode()
        [older] = re.findall(r'href="(\?older=\d+)&amp;at=', page)

        shown = site.client.http.get(f"{path}/history{older}")
        german = site.client.http.get(f"{path}/history{chosen(shown, 'de')}")

        assert german.body.count(b"<li>") == shown.body.count(b"<li>")
        assert chosen(german, "fr") == chosen(shown, "fr")
