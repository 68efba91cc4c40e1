"""The people of the example organization."""

from dataclasses import dataclass

DOMAIN = "acme.example"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """`key` is also the subject at the demo's OpenID provider; `role` is for the eye."""

    key: str
    name: str
    role: str

    @property
    def email(self) -> str:
        return f"{self.key}@{DOMAIN}"


OLGA = DemoPerson("olga", "Olga Owner", "Owner of the organization")
ADAM = DemoPerson("adam", "Adam Admin", "Admin of all outbound work")
BOB = DemoPerson("bob", "Bob Operator", "Operator in Acme Mail, through a group")
VERA = DemoPerson("vera", "Vera Viewer", "Viewer in Acme Mail")
ADA = DemoPerson("ada", "Ada Auditor", "Auditor of the organization")
GUS = DemoPerson("gus", "Gus Guest", "A role at one campaign only")

PEOPLE = (OLGA, ADAM, BOB, VERA, ADA, GUS)


def person(key: str) -> DemoPerson | None:
    return next((someone for someone in PEOPLE if someone.key == key), None)
