from __future__ import annotations

import logging

import pytest

from connectrt.data.topic import TopicPartition
from connectrt.worker.sink_offsets import SinkProgress

P0, P1 = TopicPartition("orders", 0), TopicPartition("orders", 1)


def progress() -> SinkProgress:
    made = SinkProgress()
    made.assign({P0: 5, P1: 0})
    return made


def test_nothing_is_committed_before_something_was_delivered() -> None:
    made = progress()
    assert made.to_commit(made.delivered(), made.delivered()) == {}
    assert made.all_committed()


def test_only_partitions_that_moved_are_committed() -> None:
    made = progress()
    made.deliver({P0: 9})
    offered = made.delivered()
    assert offered == {P0: 9, P1: 0}
    assert made.to_commit(offered, offered) == {P0: 9}
    made.commit({P0: 9})
    assert made.to_commit(offered, offered) == {}


def test_a_task_may_call_fewer_offsets_safe_than_it_was_offered() -> None:
    made = progress()
    made.deliver({P0: 9, P1: 4})
    assert made.to_commit(made.delivered(), {P1: 2}) == {P1: 2}


def test_an_offset_beyond_what_was_delivered_is_not_committed(caplog: pytest.LogCaptureFixture) -> None:
    made = progress()
    made.deliver({P0: 9})
    with caplog.at_level(logging.WARNING):
        assert made.to_commit(made.delivered(), {P0: 10, TopicPartition("other", 0): 1}) == {}
    assert "only records before 9 were delivered" in caplog.text
    assert "was not offered" in caplog.text


def test_offsets_of_a_partition_that_went_elsewhere_are_forgotten() -> None:
    made = progress()
    made.release([P0])
    made.deliver({P0: 9})
    assert made.delivered() == {P1: 0}


def test_a_rewind_offers_the_lower_offset_to_the_next_commit() -> None:
    """After a crash the records from there on come again, as the task has asked."""
    made = progress()
    made.deliver({P0: 9})
    made.commit({P0: 9})
    assert made.rewind({P0: 6, TopicPartition("other", 0): 1}) == {P0: 6}
    assert made.to_commit(made.delivered(), made.delivered()) == {P0: 6}
    assert made.redelivered(P0, 6)
    assert not made.redelivered(P0, 9)


def test_after_a_failed_pre_commit_everything_uncommitted_is_delivered_again() -> None:
    made = progress()
    made.deliver({P0: 9, P1: 3})
    made.commit({P1: 3})
    assert made.rewind_to_committed() == {P0: 5}
    assert made.delivered() == {P0: 5, P1: 3}
