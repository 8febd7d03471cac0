"""Processes and threads of a worker server; supervisor.py puts them together."""
