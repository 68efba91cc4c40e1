"""`gatepost connection add-oidc`, `domain verify` and `scim-token`."""

import pytest

from identity.credentials import scim_tokens
from identity.refusals import Unauthenticated
from identity.subject import Origin
from models import AuditEvent, Connection, ScimToken, VerifiedDomain
from schema.ids import global_id
from tests.gateway.commands import PUBLIC_URL, Gatepost

ADD_OIDC = (
    *("connection", "add-oidc", "--org", "acme", "--name", "Okta"),
    *("--issuer", "https://acme.okta.example", "--client-id", "gatepost"),
)
SECRET = "s3cret-of-the-client"


def test_an_openid_provider_is_added_with_what_to_enter_there(gatepost: Gatepost) -> None:
    gatepost.acme()

    answer = gatepost.json(*ADD_OIDC, "--client-secret-file", "-", stdin=f"{SECRET}\n")

    row = gatepost.look(lambda: Connection.get())
    assert answer == {
        "connection": str(row.id),
        "redirect_uri": f"{PUBLIC_URL}/auth/callback/{row.id}",
        "login_url": f"{PUBLIC_URL}/auth/login?organization=acme",
    }
    assert (row.issuer, row.client_id) == ("https://acme.okta.example", "gatepost")
    assert SECRET not in row.client_secret_encrypted

    async def secret() -> str:
        return (await Connection.get()).client_secret()

    assert gatepost.look(secret) == SECRET
    event = gatepost.look(lambda: AuditEvent.get(action="connection.create"))
    assert SECRET not in str(event.diff)


def test_the_secret_may_come_from_the_environment(gatepost: Gatepost) -> None:
    gatepost.acme()

    said = gatepost.run(*ADD_OIDC, OIDC_CLIENT_SECRET=SECRET)

    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout.splitlines()[0] == "acme signs in with Okta."


def test_without_a_terminal_the_secret_is_not_guessed(gatepost: Gatepost) -> None:
    gatepost.acme()

    said = gatepost.run(*ADD_OIDC)

    assert said.exit_code == 2
    assert said.stderr.splitlines()[-1] == (
        "Error: Give the client secret: --client-secret-file FILE (- is standard input), "
        "or the environment variable OIDC_CLIENT_SECRET."
    )
    assert gatepost.look(lambda: Connection.all().count()) == 0


@pytest.mark.parametrize("issuer", ["http://acme.okta.example", "http://127.0.0.1:4000", "okta"])
def test_an_unsafe_issuer_is_refused(gatepost: Gatepost, issuer: str) -> None:
    gatepost.acme()

    said = gatepost.run(*ADD_OIDC, "--issuer", issuer, "--client-secret", SECRET)

    assert said.exit_code == 1
    assert said.stderr == (
        "Error: issuer: The issuer is the https address of the provider, as it writes it itself.\n"
    )
    assert gatepost.look(lambda: Connection.all().count()) == 0


def test_a_plan_without_sso_has_no_connection(gatepost: Gatepost) -> None:
    gatepost.run(
        *("org", "create", "--slug", "acme", "--name", "Acme"),
        *("--plan", "starter", "--owner", "olga@acme.example"),
    )

    added = gatepost.run(*ADD_OIDC, "--client-secret", SECRET)
    issued = gatepost.run("scim-token", "create", "--org", "acme")

    assert (added.exit_code, issued.exit_code) == (1, 1)
    assert added.stderr == (
        "Error: The plan STARTER does not include SSO. It is part of PREMIUM.\n"
    )
    assert issued.stderr == (
        "Error: The plan STARTER does not include SCIM. It is part of ENTERPRISE.\n"
    )
    assert gatepost.look(lambda: Connection.all().count()) == 0
    assert gatepost.look(lambda: ScimToken.all().count()) == 0
    assert gatepost.look(lambda: AuditEvent.filter(outcome="denied").count()) == 2


def test_a_domain_is_verified_on_the_operators_word(gatepost: Gatepost) -> None:
    gatepost.acme()

    answer = gatepost.json("domain", "verify", "--org", "acme", "--domain", "Acme.Example")

    row = gatepost.look(lambda: VerifiedDomain.get())
    assert row.verified_at is not None
    assert answer == {"domain": "acme.example", "verified_at": row.verified_at.isoformat()}


def test_what_is_no_domain_is_refused(gatepost: Gatepost) -> None:
    gatepost.acme()

    said = gatepost.run("domain", "verify", "--org", "acme", "--domain", "acme")

    assert said.exit_code == 1
    assert said.stderr == (
        "Error: domain: Give a mail domain in ASCII, e.g. acme.example (or xn--… for others).\n"
    )
    assert gatepost.look(lambda: VerifiedDomain.all().count()) == 0


def test_a_scim_token_is_shown_once_and_opens_the_organization(gatepost: Gatepost) -> None:
    organization = gatepost.acme()["organization"]

    answer = gatepost.json("scim-token", "create", "--org", "acme", "--name", "Okta")

    assert list(answer) == ["token", "base_url"]
    assert answer["base_url"] == f"{PUBLIC_URL}/scim/v2"
    subject = gatepost.look(lambda: scim_tokens.authenticate(answer["token"], origin=Origin()))
    assert global_id("Organization", subject.organization_id) == organization
    assert subject.actor_name == "Okta"
    assert answer["token"] not in str(gatepost.look(lambda: ScimToken.get()).__dict__)


def test_a_scim_token_is_revoked_by_how_it_begins(gatepost: Gatepost) -> None:
    gatepost.acme()
    token = gatepost.json("scim-token", "create", "--org", "acme")["token"]
    other = gatepost.json("scim-token", "create", "--org", "acme")["token"]

    answer = gatepost.json("scim-token", "revoke", "--org", "acme", "--prefix", token[:14])

    assert answer == {"name": "Directory", "prefix": token[:14]}
    with pytest.raises(Unauthenticated):
        gatepost.look(lambda: scim_tokens.authenticate(token, origin=Origin()))
    still = gatepost.look(lambda: scim_tokens.authenticate(other, origin=Origin()))
    assert still.actor_name == "Directory"
    again = gatepost.run("scim-token", "revoke", "--org", "acme", "--prefix", token[:14])
    assert (again.exit_code, again.stderr) == (
        1,
        "Error: There is no such SCIM token, or you may not see it.\n",
    )
