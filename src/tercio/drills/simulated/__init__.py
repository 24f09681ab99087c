"""The simulated site: thousands of seeded intrusions and benign days through the real turn of the loop, no packets.

What is simulated is the world and its sensors; what decides is the product, unchanged.
"""
