"""No order of acks commits past an unacknowledged record. (Kafka Connect: SubmittedRecords)"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectrt.worker.submitted import SubmittedRecords

#: Which source partition each record belongs to, and in which order the acks arrive.
sends = st.lists(st.integers(0, 3), min_size=1, max_size=40).flatmap(
    lambda partitions: st.tuples(st.just(partitions), st.permutations(range(len(partitions))),
                                 st.lists(st.booleans(), min_size=len(partitions), max_size=len(partitions))))


@given(sends)
def test_no_order_of_acks_commits_past_an_unacknowledged_record(case: tuple[list[int], list[int], list[bool]]) -> None:
    partitions, ack_order, commits = case
    records = SubmittedRecords()
    submitted = [records.submit({"p": partition}, {"n": number}) for number, partition in enumerate(partitions)]
    committed: dict[object, int] = {}
    for step, number in enumerate(ack_order):
        submitted[number].acked = True
        if not commits[step]:
            continue
        for partition, offset in records.committable():
            assert offset["n"] > committed.get(partition["p"], -1)
            committed[partition["p"]] = offset["n"]
        for number_of, partition_of in enumerate(partitions):
            if number_of <= committed.get(partition_of, -1):
                assert submitted[number_of].acked
    last = {partition: number for number, partition in enumerate(partitions)}
    for partition, offset in records.committable():
        committed[partition["p"]] = offset["n"]
    assert committed == last
    assert len(records) == 0


@given(st.lists(st.integers(0, 2), min_size=1, max_size=20))
def test_offsets_whose_write_failed_are_offered_again_and_never_overtake_newer_ones(partitions: list[int]) -> None:
    records = SubmittedRecords()
    for number, partition in enumerate(partitions):
        records.submit({"p": partition}, {"n": number})
    records.ack_all()
    failed = records.committable()
    late = records.submit({"p": partitions[0]}, {"n": 999})
    records.restore(failed)
    assert sorted(records.committable(), key=str) == sorted(failed, key=str)
    late.acked = True
    assert records.committable() == [({"p": partitions[0]}, {"n": 999})]


def test_the_same_source_partition_in_another_key_order_is_the_same_queue() -> None:
    records = SubmittedRecords()
    records.submit({"a": 1, "b": 2}, {"n": 1})
    records.submit({"b": 2, "a": 1}, {"n": 2}).acked = True
    assert records.committable() == []
