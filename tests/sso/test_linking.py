"""Whose account it is: the key of an identity, and the grounds for the first link."""

import httpx
import pytest

from identity import organizations
from identity.sso import domains
from models import (
    Assignment,
    AuditEvent,
    Connection,
    FederatedIdentity,
    GroupMember,
    Member,
    MemberStatus,
    Outcome,
    Plan,
    Role,
    Session,
    User,
    VerifiedDomain,
)
from tests.scim.directory import connect
from tests.sso.browser import (
    Browser,
    assert_nobody_signed_in,
    denials,
    prove,
    reason_of,
)
from tests.sso.conftest import add_connection
from tests.sso.hostile_provider import HostileProvider, Json
from tests.world import World, new_world

STRANGERS: dict[str, tuple[Json, str]] = {
    "not verified": (
        {"email_verified": False},
        "the provider does not say that 'bob@acme.example' is verified",
    ),
    "nothing said": (
        {"email_verified": None},
        "the provider does not say that 'bob@acme.example' is verified",
    ),
    "true as a text": (
        {"email_verified": "true"},
        "the provider does not say that 'bob@acme.example' is verified",
    ),
    "no address": ({"email": None}, "the address is none that can be compared"),
    "an address that is a list": (
        {"email": ["bob@acme.example"]},
        "the address is none that can be compared",
    ),
    "an address that only looks like his": (
        {"email": "\uff42ob@acme.example"},
        "the address is none that can be compared",
    ),
    "an address with a control character": (
        {"email": "bob@acme.example\u0000"},
        "the address is none that can be compared",
    ),
    "nobody's address": (
        {"email": "eve@acme.example"},
        "0 members have the address eve@acme.example",
    ),
}


@pytest.mark.parametrize("case", STRANGERS)
async def test_a_stranger_is_not_linked(
    case: str, browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.claims, why = STRANGERS[case]
    await refused(browser, hostile, connection, "no_member", why)


async def refused(
    browser: Browser, hostile: HostileProvider, connection: Connection, reason: str, why: str
) -> None:
    page = await prove(browser, hostile, connection)
    assert (page.status_code, reason_of(page)) == (403, reason)
    assert await denials() == [f"{reason}: {why}"]
    assert why not in page.text, "that is for administrators"
    await assert_nobody_signed_in()


async def test_a_domain_that_is_not_the_organizations_proves_nothing(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    await VerifiedDomain.all().update(verified_at=None)
    why = "acme.example is not a verified domain of the organization"
    await refused(browser, hostile, connection, "no_member", why)


async def test_a_domain_of_another_organization_proves_nothing(
    browser: Browser, world: World, hostile: HostileProvider
) -> None:
    await world.member("Bob")
    globex = await new_world("globex")
    await domains.verify_by_operator(globex.operator, "acme.example")
    connection = await add_connection(world, hostile.issuer)
    why = "acme.example is not a verified domain of the organization"
    await refused(browser, hostile, connection, "no_member", why)


async def test_a_member_of_another_organization_is_not_found(
    browser: Browser, bob: Member, hostile: HostileProvider
) -> None:
    globex = await new_world("globex")
    await domains.verify_by_operator(globex.operator, "acme.example")
    connection = await add_connection(globex, hostile.issuer)
    why = "0 members have the address bob@acme.example"
    await refused(browser, hostile, connection, "no_member", why)


async def test_two_members_of_one_address_are_not_guessed_between(
    browser: Browser, world: World, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    twin = await world.member("Twin")
    await Member.filter(id=twin.id).update(email="BOB@acme.example", email_key=bob.email_key)
    why = "2 members have the address bob@acme.example"
    await refused(browser, hostile, connection, "no_member", why)


async def test_a_member_has_one_identity_at_a_connection(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    """The address has changed hands at the provider: whoever has it now is not Bob."""
    await browser.finish(await prove(browser, hostile, connection))
    page = await prove(browser, hostile, connection, sub="sub-of-the-new-bob")

    assert (page.status_code, reason_of(page)) == (403, "no_member")
    assert await denials() == ["no_member: bob@acme.example has another account at this connection"]
    assert await FederatedIdentity.all().count() == 1
    assert await Session.all().count() == 1


async def test_the_same_subject_at_another_connection_is_somebody_else(
    browser: Browser, world: World, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    await browser.finish(await prove(browser, hostile, connection))
    second = await add_connection(world, hostile.issuer, name="Second")
    page = await prove(browser, hostile, second, email="olga@acme.example")
    await browser.finish(page)

    links = await FederatedIdentity.all().order_by("id")
    assert [(link.connection_id, link.subject, link.member_id) for link in links] == [
        (connection.id, "sub-of-bob", bob.id),
        (second.id, "sub-of-bob", world.owner.id),
    ]


async def test_the_directorys_own_member_needs_no_domain(
    browser: Browser, world: World, connection: Connection, hostile: HostileProvider
) -> None:
    bob = await world.member("Bob")
    await Member.filter(id=bob.id).update(provisioned=True)
    await browser.finish(await prove(browser, hostile, connection))

    assert (await Session.get()).member_id == bob.id


async def test_but_not_a_member_whom_the_directory_only_changed(
    http: httpx.AsyncClient,
    browser: Browser,
    world: World,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    directory = await connect(http, world)
    titled = await directory.patch(
        f"/Users/{world.owner.id}", {"op": "add", "path": "title", "value": "Founder"}
    )
    assert titled.status_code == 204
    hostile.claims = {"email": "olga@acme.example"}
    why = "acme.example is not a verified domain of the organization"
    await refused(browser, hostile, connection, "no_member", why)


async def test_a_directory_cannot_give_the_owners_account_to_somebody_else(
    http: httpx.AsyncClient,
    browser: Browser,
    world: World,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    """Not even where the organization owns the domain: the address would have to change hands."""
    await domains.verify_by_operator(world.operator, "acme.example")
    mallorys = {"value": "mallory@acme.example", "primary": True}
    directory = await connect(http, world)
    mallory = await directory.create_user("mallory@acme.example")
    moved = await directory.patch(
        f"/Users/{mallory['id']}", {"op": "replace", "path": "userName", "value": "mallory"}
    )
    taken = await directory.patch(
        f"/Users/{world.owner.id}", {"op": "add", "path": "emails", "value": [mallorys]}
    )
    assert (moved.status_code, taken.status_code) == (204, 403)
    hostile.claims = {"email": "mallory@acme.example"}
    why = "0 members have the address mallory@acme.example"
    await refused(browser, hostile, connection, "no_member", why)


async def test_but_not_if_the_account_is_shared_with_another_organization(
    browser: Browser, world: World, connection: Connection, hostile: HostileProvider
) -> None:
    bob = await world.member("Bob")
    await Member.filter(id=bob.id).update(provisioned=True)
    globex = await new_world("globex")
    elsewhere = await organizations.add_member(
        globex.organization.id, email="bob@globex.example", name="Bob"
    )
    alone = elsewhere.user_id
    await Member.filter(id=elsewhere.id).update(user_id=bob.user_id)
    await User.filter(id=alone).delete()
    why = "acme.example is not verified, and the account is shared"
    await refused(browser, hostile, connection, "no_member", why)


async def test_who_is_not_active_is_not_linked(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    await Member.filter(id=bob.id).update(status=MemberStatus.SUSPENDED)
    page = await prove(browser, hostile, connection)

    assert (page.status_code, reason_of(page)) == (403, "member_suspended")
    denial = await AuditEvent.filter(action="session.sign_in").get()
    assert (denial.target_type, denial.target_id, denial.target_name) == ("member", bob.id, "Bob")
    await assert_nobody_signed_in()


async def test_who_was_linked_and_is_suspended_stays_out(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    await browser.finish(await prove(browser, hostile, connection))
    await Member.filter(id=bob.id).update(status=MemberStatus.SUSPENDED)
    page = await prove(browser, hostile, connection)

    assert reason_of(page) == "member_suspended"
    assert await Session.all().count() == 1
    assert (await browser.get("/who-am-i")).status_code == 401


async def test_a_member_without_an_address_is_nobodys(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    await Member.filter(id=bob.id).update(email="", email_key="")
    hostile.claims = {"email": ""}
    await refused(
        browser, hostile, connection, "no_member", "the address is none that can be compared"
    )


async def test_what_a_provider_calls_a_role_gives_none(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    """Claims that are called like our words, known and unknown, are nothing to us."""
    hostile.claims = {
        "roles": ["owner", "Owner"],
        "groups": ["Owners"],
        "permissions": ["organization:delete", "no:such"],
        "scope": "identity:manage",
        "role": "owner",
    }
    held = await Assignment.all().values()
    roles = await Role.all().values()

    await browser.finish(await prove(browser, hostile, connection))

    assert (await Session.get()).member_id == bob.id
    assert await Assignment.all().values() == held
    assert await Role.all().values() == roles
    assert await GroupMember.all().count() == 0


async def test_a_smaller_plan_signs_nobody_in_and_changes_nothing(
    browser: Browser, world: World, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    """Also somebody who began before: the connection stays, and works again with a larger plan."""
    page = await prove(browser, hostile, connection)
    await organizations.change_plan(world.operator, Plan.STARTER)
    count = await AuditEvent.filter(outcome=Outcome.SUCCESS).count()

    refused_page = await browser.finish(page)

    assert refused_page.status_code == 403
    assert await Session.all().count() == 0
    assert await AuditEvent.filter(outcome=Outcome.SUCCESS).count() == count
    assert await Connection.exists(id=connection.id)
