"""The call history of the simulated PBX, and the extensions, queues and trunks that it comes from."""
