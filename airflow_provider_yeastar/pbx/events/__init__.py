"""The WebSocket of a PBX, and the connection that all waiters of a PBX share."""
