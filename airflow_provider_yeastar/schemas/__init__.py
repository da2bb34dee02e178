"""The typed columns of every built-in report, as tables of data, and the rules for what these do not list."""
