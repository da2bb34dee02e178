"""Blocking calls from asyncio code, and objects that belong to one event loop."""
