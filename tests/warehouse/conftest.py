"""What the tests of loads need: a database of each kind, and a way to reach it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.warehouse.databases import NAMES, database
from tests.warehouse.loads import TABLE


@pytest.fixture(scope="module", params=NAMES)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with database(request.param) as found:
        yield found


@pytest.fixture
def engine(url: str) -> Iterator[sa.engine.Engine]:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    yield engine
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {TABLE}"))
    engine.dispose()
