"""What Tercio senses with and acts through: one file per product, in explicit tables."""
