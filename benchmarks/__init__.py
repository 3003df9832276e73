"""What is claimed about speed, each claim one command that sets up everything it needs and measures on real calls.

    .venv/bin/python -m benchmarks.control      what it costs to have calls controlled by this service
    .venv/bin/python -m benchmarks.popup        how long a card takes once a phone rings

docs/benchmarks.md tells what the figures mean.
"""
