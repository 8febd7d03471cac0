import pytest

from rocketjob_core.durations import Duration, humanize_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.000ms"),
        (0.005, "5.000ms"),
        (0.05, "50.0ms"),
        (5, "5.000s"),
        (59.9994, "59.999s"),
        (90, "1m 30s"),
        (3661, "1h 1m"),
        (90061, "1d 1h 1m"),
        (-90, "-1m 30s"),
    ],
)
def test_durations_read_well(seconds, text):
    assert humanize_seconds(seconds) == text
    assert str(Duration(seconds=seconds)) == text
