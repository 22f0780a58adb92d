"""The sentences of the run report say what the data allow to say, and the drawings keep what stands out."""

from simenv.train.report import words
from simenv.train.report.shapes import nice_ticks, thinned
from simenv.train.report.words import Estimate, clear_change, noticeable, trend
from tests.train import fake_runs as fakes


def test_a_change_of_rates_is_clear_where_the_interval_of_the_difference_leaves_out_0() -> None:
    few, many = words.of_counts(8, 20), words.of_counts(80, 200)
    assert clear_change(few, words.of_counts(12, 20)) == 0
    assert clear_change(many, words.of_counts(120, 200)) == 1
    assert clear_change(words.of_counts(120, 200), many) == -1
    # Newcombe 1998, table II, method 10: 56/70 against 48/80 has the interval [.0524, .3339].
    high, low = words.of_counts(56, 70), words.of_counts(48, 80)
    assert high.low is not None
    assert low.high is not None
    edge = high.rate - low.rate - ((high.rate - high.low) ** 2 + (low.high - low.rate) ** 2) ** 0.5
    assert round(edge, 4) == 0.0524
    assert clear_change(low, high) == 1
    assert clear_change(Estimate(0.1), Estimate(0.9)) == 0


def test_noise_is_not_called_a_change() -> None:
    wobble = [(float(step), 1.0 + 0.1 * fakes.noise("wobble", step)) for step in range(60)]
    assert noticeable(wobble) == 0
    assert "no more than its noise" in trend("It", wobble)
    assert noticeable([(step, value + 0.01 * step) for step, value in wobble]) == 1
    assert noticeable([(step, value - 0.01 * step) for step, value in wobble]) == -1


def test_a_spike_is_told_and_kept_in_the_drawing() -> None:
    points = [(float(step), 1.0 + 0.01 * fakes.noise("calm", step)) for step in range(5000)]
    points[2345] = (2345.0, 40.0)
    assert trend("The norm", points, extreme="highest").endswith("highest 40 at step 2,345.")
    drawn = thinned(points)
    assert len(drawn) <= 620
    assert (2345.0, 40.0) in drawn


def test_ticks_are_round_and_within() -> None:
    for low, high in ((0, 1), (0.0021, 0.0187), (-3, 4), (0, 123_456), (3.1, 3.22)):
        ticks = nice_ticks(low, high)
        assert 2 <= len(ticks) <= 8
        assert all(low - 1e-9 <= tick <= high * (1 + 1e-9) for tick in ticks)
