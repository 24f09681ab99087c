"""How Tercio tests: golden cases for parsers and planners, stories for pure steps. Shipped, so that authors of product
adapters test as we do; needs no test framework, a failure is an AssertionError.
"""
