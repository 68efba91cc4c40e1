"""Jobs."""

from datetime import datetime
from typing import ClassVar

import strawberry

from identity.access.lookup import Place
from models.job import Job as JobRow
from models.job import JobKind, JobStatus
from schema.directives import public_column
from schema.node import Node


@strawberry.type(description="Something long that somebody asked for, carried out in steps.")
class Job(Node):
    row: strawberry.Private[JobRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"audit"})
    place = Place.ORGANIZATION

    kind: JobKind = public_column("kind", "What is done.")
    status: JobStatus = public_column("status", "How far it is.")
    done: int = public_column("done", "In how many parts something was done.")
    total: int = public_column("total", "How many parts there were when it was asked for.")
    asked_by_name: str = public_column("asked_by_name", "Who asked for it.")
    created_at: datetime = public_column("created_at", "When that was.")
    started_at: datetime | None = public_column("started_at", "When it began.")
    finished_at: datetime | None = public_column("finished_at", "When it ended.")
    error: str | None = public_column("error", "Why it failed.")
