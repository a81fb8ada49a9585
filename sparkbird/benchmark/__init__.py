"""How fast sparkbird is beside its peers, measured in one run on one machine."""
