"""Operators: a report of a PBX as a file or as rows, its path in XCom."""
