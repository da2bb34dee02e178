from __future__ import annotations

import pytest

from airflow_provider_yeastar.compat import DAG


@pytest.fixture(params=[False, True], ids=["texts", "native"])
def dag(request: pytest.FixtureRequest) -> DAG:
    import jinja2

    # Airflow's own default is strict about names; a DAG may be as lenient as this.
    return DAG("dag", schedule=None, render_template_as_native_obj=request.param, template_undefined=jinja2.Undefined)
