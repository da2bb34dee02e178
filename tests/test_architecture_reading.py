"""The reading of imports, which the tests of the architecture rest upon."""

from __future__ import annotations

import pytest

from tests.architecture import PACKAGE, Import, imports_in, modules, own_target


class TestTheReadingOfImports:
    """The tests above are worth as much as this."""

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            pytest.param("import requests.adapters", ("requests.adapters", None, True), id="plain"),
            pytest.param("from a.b import c as d", ("a.b", "c", True), id="from"),
            pytest.param("def f():\n    import time", ("time", None, False), id="in-a-function"),
            pytest.param("if TYPE_CHECKING:\n    from a import b", ("a", "b", False), id="for-type-checkers"),
            pytest.param("try:\n    import a\nexcept ImportError: ...", ("a", None, True), id="in-a-try"),
            pytest.param("class C:\n    import a", ("a", None, True), id="in-a-class"),
            pytest.param("from .wire import x", (f"{PACKAGE}.pbx.wire", "x", True), id="relative"),
            pytest.param("from ..hooks import x", (f"{PACKAGE}.hooks", "x", True), id="relative-to-the-parent"),
            pytest.param("from . import x", (f"{PACKAGE}.pbx", "x", True), id="relative-to-the-folder"),
        ],
    )
    def test_an_import_is_found(self, source: str, expected: tuple[str, str | None, bool]) -> None:
        assert list(imports_in(source, f"{PACKAGE}.pbx")) == [Import(*expected)]

    def test_a_submodule_taken_from_its_folder_is_that_submodule(self) -> None:
        assert own_target(Import(f"{PACKAGE}.pbx", "errors", True)) == "pbx.errors"
        assert own_target(Import(f"{PACKAGE}.pbx.errors", "YeastarError", True)) == "pbx.errors"
        assert own_target(Import(PACKAGE, "__version__", True)) == "__init__"

    def test_all_modules_are_read(self) -> None:
        assert {"__init__", "get_provider_info", "hooks", "hooks.yeastar", "pbx.errors"} <= modules().keys()
