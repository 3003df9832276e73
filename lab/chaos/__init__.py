"""A telephone day in bad weather: random calls with every move while one thing after another fails, and its books.

`scripts/chaos` runs it. Every decision comes from the seed; what the phones saw is compared with what the CRM holds.
"""
