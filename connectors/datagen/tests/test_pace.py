"""How fast records may be made."""

from __future__ import annotations

import pytest
from connectrt_datagen.pace import RandomPauses, TokenBucket, Unlimited


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def count_over(bucket: TokenBucket, clock: Clock, seconds: float, most: int = 500) -> int:
    made, end = 0, clock.now + seconds
    while clock.now < end:
        made += (taken := bucket.take(most))
        if not taken:
            clock.now += max(bucket.delay_s(), 1e-6)
    return made


@pytest.mark.parametrize("rate", [0.5, 3, 1000, 123_456])
def test_the_rate_is_kept_over_time(rate: float) -> None:
    clock = Clock()
    made = count_over(TokenBucket(rate, clock), clock, 20)
    assert made == pytest.approx(20 * rate, rel=0.01, abs=2)


def test_a_rate_below_one_waits_longer_than_a_second() -> None:
    clock = Clock()
    bucket = TokenBucket(0.25, clock)
    assert bucket.take(500) == 1
    assert bucket.take(500) == 0
    assert bucket.delay_s() == pytest.approx(4)


def test_a_long_pause_gives_at_most_one_second_of_records() -> None:
    clock = Clock()
    bucket = TokenBucket(100, clock)
    clock.now += 3600
    assert bucket.take(100_000) == 100


def test_the_last_few_records_do_not_wait_for_a_whole_portion() -> None:
    clock = Clock()
    bucket = TokenBucket(100_000, clock)
    assert bucket.take(1000) == 1000
    clock.now += 0.0001
    assert bucket.take(3) == 3


def test_without_a_rate_every_batch_is_full() -> None:
    assert Unlimited().take(500) == 500
    assert Unlimited().delay_s() == 0


def test_random_pauses_let_one_record_through_after_at_most_the_interval() -> None:
    clock = Clock()
    pauses = RandomPauses(0.5, clock)
    for _ in range(100):
        assert 0 <= pauses.delay_s() <= 0.5
        clock.now += pauses.delay_s()
        assert pauses.take(500) == 1
