"""A file on its way to its destination: fetched, checked, and published in one step."""
