"""Signing in through the certified OpenID provider, from the button to the session."""

from urllib.parse import parse_qs, urlsplit

import httpx

from models import (
    ActorType,
    AuditEvent,
    Connection,
    EndReason,
    FederatedIdentity,
    LoginAttempt,
    Member,
    Outcome,
    Session,
    ViaType,
)
from models.secret import token_hash
from tests.peers.oidc_provider import OidcProviderProcess
from tests.sso.browser import (
    FLOW,
    SESSION,
    Browser,
    assert_nobody_signed_in,
    denials,
    finish_code,
    reason_of,
)
from tests.sso.conftest import CERTIFIED_CONNECTION
from tests.sso.hostile_provider import CLIENT_ID


async def prove(browser: Browser, provider: OidcProviderProcess, login: str) -> httpx.Response:
    """The whole first step; the page that the browser ends on."""
    url = await browser.start(CERTIFIED_CONNECTION, "/graphiql?query=viewer")
    async with httpx.AsyncClient(timeout=30) as at_provider:
        return await browser.get(await provider.sign_in(at_provider, url, login))


async def test_a_member_signs_in(
    browser: Browser, bob: Member, certified: Connection, certified_provider: OidcProviderProcess
) -> None:
    page = await prove(browser, certified_provider, "bob")
    assert await Session.all().count() == 0, "the answer alone begins no session"
    assert SESSION not in browser.jar
    done = await browser.finish(page)

    assert (done.status_code, done.headers["location"]) == (303, "/graphiql?query=viewer")
    session = await Session.get()
    assert (session.member_id, session.connection_id) == (bob.id, certified.id)
    assert session.ip == "192.0.2.7"
    identity = await FederatedIdentity.get()
    assert (identity.connection_id, identity.subject) == (certified.id, "sub-of-bob")
    assert identity.member_id == bob.id
    assert (await browser.get("/who-am-i")).json() == {"name": "Bob", "session": str(session.id)}


async def test_the_request_to_the_provider_is_complete(
    browser: Browser, bob: Member, certified: Connection, certified_provider: OidcProviderProcess
) -> None:
    parts = urlsplit(await browser.start(certified.id))
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}

    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{certified_provider.issuer}/auth"
    attempt = await LoginAttempt.get()
    assert token_hash(asked.pop("state")) == attempt.state_hash
    assert len(asked.pop("code_challenge")) == 43
    assert asked == {
        "response_type": "code",
        "response_mode": "query",
        "client_id": CLIENT_ID,
        "redirect_uri": f"https://gatepost.example/auth/callback/{CERTIFIED_CONNECTION}",
        "scope": "openid email profile",
        "nonce": attempt.nonce,
        "code_challenge_method": "S256",
    }


async def test_the_cookies_are_exactly_these(
    browser: Browser, bob: Member, certified: Connection, certified_provider: OidcProviderProcess
) -> None:
    await browser.start(certified.id)
    attempt = await LoginAttempt.get()
    flow = FLOW + attempt.id.hex[-8:]
    assert attributes(browser, flow) == {
        "path": "/",
        "secure": True,
        "httponly": True,
        "samesite": "lax",
        "max-age": "600",
    }
    await LoginAttempt.all().delete()
    browser.jar.clear()

    done = await browser.finish(await prove(browser, certified_provider, "bob"))

    assert sorted(browser.set_cookies) == sorted(
        [SESSION, FLOW + (await LoginAttempt.get()).id.hex[-8:]]
    )
    assert attributes(browser, SESSION) == {
        "path": "/",
        "secure": True,
        "httponly": True,
        "samesite": "strict",
        "max-age": str(7 * 24 * 3600),
    }
    assert list(browser.jar) == [SESSION], "the flow cookie is gone"
    assert done.headers["cache-control"] == "no-store"


def attributes(browser: Browser, name: str) -> dict[str, object]:
    return {key: value for key, value in browser.set_cookies[name].items() if value}


async def test_no_secret_is_stored_in_clear(
    browser: Browser, bob: Member, certified: Connection, certified_provider: OidcProviderProcess
) -> None:
    url = await browser.start(certified.id)
    (flow_token,) = browser.jar.values()
    state = parse_qs(urlsplit(url).query)["state"][0]
    async with httpx.AsyncClient(timeout=30) as at_provider:
        page = await browser.get(await certified_provider.sign_in(at_provider, url, "bob"))
    code = finish_code(page)
    await browser.finish(page)

    session, attempt = await Session.get(), await LoginAttempt.get()
    assert session.token_hash == token_hash(browser.jar[SESSION])
    assert attempt.browser_hash == token_hash(flow_token)
    assert attempt.state_hash == token_hash(state)
    assert attempt.finish_hash == token_hash(code)
    stored = {str(value) for row in (session, attempt) for value in vars(row).values()}
    assert stored.isdisjoint({browser.jar[SESSION], flow_token, state, code})
    assert attempt.code_verifier_encrypted is None


async def test_the_audit_log_has_the_link_and_the_sign_in(
    browser: Browser, bob: Member, certified: Connection, certified_provider: OidcProviderProcess
) -> None:
    await browser.finish(await prove(browser, certified_provider, "bob"))
    link, sign_in = await AuditEvent.filter(via=ViaType.SIGN_IN).order_by("id")

    attempt = await LoginAttempt.get()
    for event in (link, sign_in):
        assert event.outcome is Outcome.SUCCESS
        assert (event.actor_type, event.actor_id) == (ActorType.MEMBER, bob.id)
        assert (event.actor_name, event.via_id) == ("Bob", attempt.id)
        assert event.ip == "192.0.2.7"
        assert event.request_id is not None
        assert (event.via_name, event.connection_id) == ("Acme ID", certified.id)
    assert link.operation == f"GET /auth/callback/{certified.id}"
    assert sign_in.operation == "POST /auth/finish"
    assert (link.action, link.target_type) == ("identity.link", "federated_identity")
    assert link.diff == [
        {"path": "subject", "before": None, "after": "sub-of-bob"},
        {"path": "email", "before": None, "after": "bob@acme.example"},
        {"path": "connection", "before": None, "after": "Acme ID"},
    ]
    assert (sign_in.action, sign_in.target_type) == ("session.sign_in", "session")
    assert sign_in.target_id == (await Session.get()).id
    assert sign_in.diff == [
        {"path": "method", "before": None, "after": "oidc"},
        {"path": "connection", "before": None, "after": "Acme ID"},
    ]


async def test_a_second_sign_in_needs_no_address_and_replaces_the_session(
    browser: Browser, bob: Member, certified: Connection, certified_provider: OidcProviderProcess
) -> None:
    await browser.finish(await prove(browser, certified_provider, "bob"))
    first = browser.jar[SESSION]
    await Member.filter(id=bob.id).update(email="b@new.example", email_key="b@new.example")
    await browser.finish(await prove(browser, certified_provider, "bob"))

    assert browser.jar[SESSION] != first
    old, new = await Session.all().order_by("id")
    assert (old.end_reason, new.end_reason) == (EndReason.REPLACED, None)
    assert new.member_id == bob.id
    assert await FederatedIdentity.all().count() == 1
    assert await AuditEvent.filter(action="identity.link").count() == 1


async def test_two_tabs_sign_in_side_by_side(
    browser: Browser, bob: Member, certified: Connection, certified_provider: OidcProviderProcess
) -> None:
    urls = [await browser.start(certified.id, f"/tab-{number}") for number in (1, 2)]
    assert len(browser.flows()) == 2
    async with httpx.AsyncClient(timeout=30) as at_provider:
        pages = [
            await browser.get(await certified_provider.sign_in(at_provider, url, "bob"))
            for url in reversed(urls)
        ]
    done = [await browser.finish(page) for page in pages]

    assert [answer.headers["location"] for answer in done] == ["/tab-2", "/tab-1"]
    assert browser.flows() == []


async def test_a_stranger_at_the_provider_is_no_member(
    browser: Browser, bob: Member, certified: Connection, certified_provider: OidcProviderProcess
) -> None:
    page = await prove(browser, certified_provider, "eve")

    assert (page.status_code, reason_of(page)) == (403, "no_member")
    assert "eve@" not in page.text
    assert await denials() == ["no_member: 0 members have the address eve@elsewhere.example"]
    await assert_nobody_signed_in()


async def test_the_provider_or_the_person_refuses(
    browser: Browser, bob: Member, certified: Connection, certified_provider: OidcProviderProcess
) -> None:
    url = await browser.start(certified.id)
    async with httpx.AsyncClient(timeout=30) as at_provider:
        page = await browser.get(await certified_provider.refuse(at_provider, url))

    assert (page.status_code, reason_of(page)) == (403, "provider_denied")
    assert len(await denials()) == 1
    await assert_nobody_signed_in()


async def test_a_wrong_client_secret_is_said_to_be_the_connections_fault(
    browser: Browser, bob: Member, certified: Connection, certified_provider: OidcProviderProcess
) -> None:
    certified.set_client_secret("not the secret")
    await certified.save()
    page = await prove(browser, certified_provider, "bob")

    assert (page.status_code, reason_of(page)) == (502, "client_refused")
    assert await denials() == ["client_refused: status 401 for the code, error 'invalid_client'"]
    await assert_nobody_signed_in()


async def test_the_discovery_and_keys_are_kept(
    browser: Browser,
    bob: Member,
    certified: Connection,
    certified_provider: OidcProviderProcess,
) -> None:
    await browser.finish(await prove(browser, certified_provider, "bob"))
    row = await Connection.get(id=certified.id)

    assert row.metadata is not None
    assert row.metadata["token_endpoint"] == f"{certified_provider.issuer}/token"
    assert row.metadata["answers_with_issuer"] is True
    assert row.keys is not None
    assert {key["kty"] for key in row.keys["keys"]} == {"RSA", "EC"}
    assert row.version == 1, "a fetch is no edit"
