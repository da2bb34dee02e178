from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx.errors import NetworkError
from tests.pbx.http.support import OK, call
from tests.scripted import answer, scripted_server

pytestmark = pytest.mark.usefixtures("nothing_of_this_machine_s_environment")


def test_a_handshake_that_does_not_end_is_named_and_no_call_was_received() -> None:
    with (
        scripted_server(answer(OK)) as server,
        pytest.raises(NetworkError, match=r"TLS handshake within 0\.3") as raised,
    ):
        call(server.address, scheme="https", timeout=0.3)

    assert raised.value.is_timeout
    assert raised.value.was_received is False
