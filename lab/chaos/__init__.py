"""A telephone day in bad weather: random calls with every move, while one thing after another fails, and the books of it.

`scripts/chaos` runs it. Every decision comes from the seed; what the phones saw is compared with what the CRM holds.
"""
