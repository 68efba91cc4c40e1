"""What differs between two judgements of an operation: two versions of it, or of a role."""

from dataclasses import dataclass

from schema.requirements.verdict import Judgement, Loss, Verdict

_ORDER = (Verdict.NONE, Verdict.PARTLY, Verdict.FULL)


@dataclass(frozen=True, slots=True)
class Change:
    """An operation for a role, before and after. `lost` was open or not asked for, and is closed
    now; `gained` was closed and is not any more.
    """

    before: Judgement
    after: Judgement
    lost: tuple[Loss, ...]
    gained: tuple[Loss, ...]

    @property
    def is_loss(self) -> bool:
        """Whether it works less than before: in whole, or at a coordinate."""
        return bool(self.lost) or self._rank(self.after) < self._rank(self.before)

    @property
    def is_gain(self) -> bool:
        """Whether it works more than before; a change can be both."""
        return bool(self.gained) or self._rank(self.after) > self._rank(self.before)

    @staticmethod
    def _rank(judgement: Judgement) -> int:
        return _ORDER.index(judgement.verdict)


def compared(before: Judgement, after: Judgement) -> Change | None:
    """What changed, or `None`. A path inside one that is closed on the other side is no news."""
    change = Change(
        before,
        after,
        lost=_only_in(after.lost, before.lost),
        gained=_only_in(before.lost, after.lost),
    )
    return change if change.is_loss or change.is_gain else None


def _only_in(these: tuple[Loss, ...], those: tuple[Loss, ...]) -> tuple[Loss, ...]:
    closed = {(loss.path, loss.coordinate) for loss in those}
    paths = {loss.path for loss in those}
    return tuple(
        loss
        for loss in these
        if (loss.path, loss.coordinate) not in closed and not _inside(loss.path, paths)
    )


def _inside(path: str, others: set[str]) -> bool:
    """Whether a path lies within another of these."""
    return any(path.startswith((f"{other}.", f"{other}[")) for other in others)
