"""Shares and averages as a recorded PBX wrote them."""

from __future__ import annotations

import pytest

from airflow_provider_yeastar.simulator.reports.figures import average, percent


@pytest.mark.parametrize(
    ("figures", "mean"), [([], 0), ([17, 18, 18], 17), ([18] * 47 + [15], 17), ([0, 1], 0), ([9], 9)]
)
def test_an_average_is_truncated(figures: list[int], mean: int) -> None:
    assert average(figures) == mean


@pytest.mark.parametrize(
    ("part", "whole", "share"), [(27, 35, 77.14), (1, 3, 33.33), (2, 2, 100), (0, 0, 0), (0, 7, 0)]
)
def test_a_share_is_a_number_of_percent_points(part: int, whole: int, share: float) -> None:
    found = percent(part, whole)

    assert found == share
    assert isinstance(found, int) == (share == int(share))
