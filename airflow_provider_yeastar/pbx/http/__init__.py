"""HTTP to a PBX: calls, downloads, certificates."""
