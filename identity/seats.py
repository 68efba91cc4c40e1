"""The seats of a plan: how many active members an organization may have.

Whoever is there stays when the plan becomes a smaller one; nobody is added until there is room.
"""

from identity.access.entitlements import plans
from identity.writing import Write
from models.member import Member, MemberStatus


async def require_seat(write: Write) -> None:
    """Raise `PlanRequired` unless there may be one more active member. The caller's change holds
    the organization's lock exclusively, so that two of them do not take the last seat.
    """
    plan = write.subject.plan
    if not plans.limits_seats(plan):
        return
    taken = await Member.filter(
        organization_id=write.organization_id, status=MemberStatus.ACTIVE
    ).count()
    plans.require_seat(plan, members=taken)
