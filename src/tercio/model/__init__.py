"""The nouns of Tercio, in the field's own words, and the types that two rooms share.

Standard library and msgspec only. Instants are integer microseconds since the Unix epoch (UTC);
money is integer cents of the site's currency; probabilities are rounded to 1e-6.
"""
