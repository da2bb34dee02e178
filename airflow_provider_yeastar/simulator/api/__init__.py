"""The endpoints and events of the simulated PBX, and the rules by which it answers."""
