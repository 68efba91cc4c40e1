"""What noting a use costs a request, and what writing costs a process that serves many.

python -m benchmarks.bench_permission_uses
"""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from cryptography.fernet import Fernet

from identity.access.compiled import fixed_access
from identity.access.permissions import ALL_MASK, READ_MASK
from identity.permission_uses import Uses
from identity.subject import Subject, operator
from models.audit_event import ActorType
from models.database import opened
from models.ids import new_id
from models.member import Member
from models.migrating import upgrade
from models.organization import Organization, Plan
from models.user import User

CALLS = 200_000
MEMBERS = 5_000


def member(member_id: UUID) -> Subject:
    organization_id = UUID(int=1)
    return replace(
        operator(organization_id, Plan.ENTERPRISE),
        actor_type=ActorType.MEMBER,
        actor_id=member_id,
        access=fixed_access(organization_id, ALL_MASK),
    )


def note() -> None:
    uses, subject = Uses(), member(new_id())
    began = time.process_time()
    for _ in range(CALLS):
        uses.note(subject, READ_MASK)
    print(f"note a use: {(time.process_time() - began) / CALLS * 1e6:.2f} µs of CPU")


async def write() -> None:
    with TemporaryDirectory() as folder:
        url = f"sqlite://{Path(folder) / 'gatepost.sqlite3'}"
        async with opened(url, [Fernet.generate_key().decode()]):
            await upgrade()
            ids = await _members()
            uses = Uses()
            for each in ids:
                uses.note(member(each), READ_MASK)
            began = time.perf_counter()
            count = await uses.write()
            seconds = time.perf_counter() - began
            print(f"write a day of {count} members on SQLite: {seconds * 1e3:.0f} ms")


async def _members() -> list[UUID]:
    organization = await Organization.create(slug="bench", name="Bench", plan=Plan.ENTERPRISE)
    users = [User(email=f"m{n}@bench.example", name=f"M{n}") for n in range(MEMBERS)]
    await User.bulk_create(users, batch_size=1000)
    members = [
        Member(
            organization_id=organization.id,
            user_id=user.id,
            user_name=user.email,
            user_name_key=user.email,
            email=user.email,
            email_key=user.email,
            name=user.name,
        )
        for user in users
    ]
    await Member.bulk_create(members, batch_size=1000)
    return [each.id for each in members]


if __name__ == "__main__":
    note()
    asyncio.run(write())
