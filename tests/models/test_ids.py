"""Ids sort by time."""

from models.ids import new_id


def test_ids_are_uuids_of_version_7() -> None:
    assert {new_id().version for _ in range(100)} == {7}


def test_later_ids_sort_after_earlier_ones_also_within_a_millisecond() -> None:
    ids = [new_id() for _ in range(20_000)]
    milliseconds = {one.int >> 80 for one in ids}
    assert len(milliseconds) < len(ids) / 10
    assert ids == sorted(ids)
    assert sorted(map(str, ids)) == [str(one) for one in ids]
    assert len(set(ids)) == len(ids)
