"""Following a job."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from identity import jobs
from identity.access.permissions import Permission
from schema.context import ContextInfo
from schema.directives import At, subscription
from schema.ids import row_id
from schema.jobs.types import Job

OfJob = Annotated[strawberry.ID, strawberry.argument(description="The job.")]


@strawberry.type
class JobSubscription:
    @subscription(
        "A job as it is, and again whenever it has gone on; it ends with the job.",
        requires=[Permission.AUDIT_EXPORT],
        at=At.ORGANIZATION,
    )
    async def job_progress(
        self, info: ContextInfo, job_id: OfJob
    ) -> AsyncGenerator[Job | None, None]:
        found = await jobs.JOB.find(info.context.access, row_id(job_id, "Job", field="jobId"))
        steps = jobs.progress(found.organization_id, found.id)
        async with aclosing(steps):
            async for row in steps:
                yield Job(row=row)
