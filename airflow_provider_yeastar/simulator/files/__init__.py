"""Reports of the simulated PBX as files."""
